using System.Diagnostics;
using EbpfLb.Commands;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Flows;

/// <summary>The listing of a large table, and what it costs, printed; in a soak, what docs/concepts/flows.md tells of.</summary>
[Collection(Lanes.Busy)]
public sealed class ManyFlowsAreListed
{
    const long Megabyte = 1 << 20;

    static readonly uint Flows = SuiteSize.TableFlows;

    [Fact]
    public void All_or_the_first_of_an_order_in_bounded_memory()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(2 * Flows));
        ManyFlows.Fill(datapath.Tables, Flows, (ulong)TimeProvider.System.GetTimestamp());
        var source = new FlowSource("eth0", datapath.Tables, TimeProvider.System);

        var all = List(source, new(new FlowFilter(), null, null), out _);
        var busiest = List(source, new(new FlowFilter(), FlowOrder.TryParse("bytes"), 3), out var allocated);

        Assert.Equal(Flows, (uint)all.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]).Distinct().Count());
        Assert.Equal(
            [Flows - 1, Flows - 2, Flows - 3],
            busiest.Select(line => uint.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[7])));
        Assert.InRange(allocated, 0, Megabyte);
    }

    /// <param name="allocated">Bytes, from the first line to the last.</param>
    static string[] List(FlowSource source, FlowQuery query, out long allocated)
    {
        using var output = new StringWriter();
        var (began, cpu, before) = (
            Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, GC.GetAllocatedBytesForCurrentThread());
        new FlowTable(output, asJson: false).Write(query, [source], TestContext.Current.CancellationToken);
        allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{lines[^1]}: {Stopwatch.GetElapsedTime(began).TotalMilliseconds:F0} ms, "
            + $"CPU {(Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds:F0} ms, allocated {allocated / 1024} KiB");
        return lines[1..^1];
    }
}
