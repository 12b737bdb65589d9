using System.Diagnostics;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Reconcile;

/// <summary>A collection of a large table, and what it costs, printed; in a soak, what docs/concepts/flows.md tells of.</summary>
[Collection(Lanes.Busy)]
public sealed class ManyFlowsAreCollected
{
    static readonly uint Flows = SuiteSize.TableFlows;

    [Fact]
    public void Live_flows_are_kept_and_idle_ones_are_removed()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(2 * Flows));
        var now = (ulong)TimeProvider.System.GetTimestamp();
        ManyFlows.Fill(datapath.Tables, Flows, now);
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
        live = new FlowGarbageCollector(datapath.Tables, new(), new Later(later), Hosts.Own).Collect((_, _, _, _) => { }).Values.Sum();
        process.Refresh();
        return $"{Stopwatch.GetElapsedTime(began).TotalMilliseconds:F0} ms, "
            + $"CPU {(process.TotalProcessorTime - cpu).TotalMilliseconds:F0} ms, "
            + $"allocated {(GC.GetTotalAllocatedBytes() - allocated) / 1024} KiB, "
            + $"resident {process.WorkingSet64 >> 20} MiB";
    }

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() + (long)by.TotalNanoseconds;
    }
}
