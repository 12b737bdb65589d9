using System.Diagnostics;
using System.Globalization;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using LoadedDatapath = EbpfLb.Tables.Datapath;

namespace EbpfLb.Unit.Reconcile;

/// <summary>
/// A sweep of a large table, and what it costs, printed. EBPFLB_SWEPT_FLOWS=1000000 is what the README tells of; that
/// takes a gigabyte.
/// </summary>
public sealed class ManyFlowsAreSwept
{
    static readonly uint Flows = uint.Parse(
        Environment.GetEnvironmentVariable("EBPFLB_SWEPT_FLOWS") ?? "20000", CultureInfo.InvariantCulture);

    [Fact]
    public void Those_that_live_are_kept_and_those_that_idle_are_gone()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Usual, maxFlows: 2 * Flows);
        var now = (ulong)TimeProvider.System.GetTimestamp();
        for (var client = 0u; client < Flows; client++)
            Add(datapath, client, now);
        var output = TestContext.Current.TestOutputHelper!;

        output.WriteLine($"nothing idle: {Measure(datapath, TimeSpan.Zero, out var live)}, {live} flows live");
        output.WriteLine($"all idle:     {Measure(datapath, TimeSpan.FromHours(3), out var left)}, {left} flows live");

        Assert.Equal(((int)Flows, 0), (live, left));
        Assert.Empty(datapath.Tables.Flows.Keys());
    }

    static string Measure(LoadedDatapath datapath, TimeSpan later, out int live)
    {
        var process = Process.GetCurrentProcess();
        var (began, cpu, allocated) = (Stopwatch.GetTimestamp(), process.TotalProcessorTime, GC.GetTotalAllocatedBytes());
        live = new FlowSweeper(datapath.Tables, new(), new Later(later)).Sweep((_, _, _) => { }).Values.Sum();
        process.Refresh();
        return $"{Stopwatch.GetElapsedTime(began).TotalMilliseconds:F0} ms, "
            + $"CPU {(process.TotalProcessorTime - cpu).TotalMilliseconds:F0} ms, "
            + $"allocated {(GC.GetTotalAllocatedBytes() - allocated) / 1024} KiB, "
            + $"resident {process.WorkingSet64 >> 20} MiB";
    }

    static void Add(LoadedDatapath datapath, uint client, ulong now)
    {
        var forward = new LbTuple
        {
            Src = LbAddress.From(new IPAddress(10 | (client << 8))),
            Dst = LbAddress.From(Hosts.Ip4.Web.Address),
            Sport = BigEndianPort.From(40000),
            Dport = BigEndianPort.From(80),
            Protocol = (byte)TransportProtocol.Tcp,
        };
        var backend = forward with
        {
            Src = forward.Dst,
            Dst = LbAddress.From(new IPAddress(11 | ((client >> 8) << 8))),
            Sport = BigEndianPort.From((ushort)(1024 + (client & 0xff))),
        };
        var flow = new LbFlow { Rewritten = backend, TcpSeen = LbTcpSeen.Ack, SeenNs = now };
        datapath.Tables.Flows.Set(forward, flow);
        datapath.Tables.Flows.Set(
            backend.Reversed(), flow with { Rewritten = forward.Reversed(), Direction = LbDirection.ToClient });
    }

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() + (long)by.TotalNanoseconds;
    }
}
