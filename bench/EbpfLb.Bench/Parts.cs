using EbpfLb.Bench.ControlPlane;
using EbpfLb.Bench.Packets;
using EbpfLb.Bench.Peers;
using EbpfLb.Bench.Report;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Bench;

/// <summary>What can be measured each by itself.</summary>
static class Parts
{
    delegate Task<PartResult> Measuring(LabEngine engine, Effort effort, IProgress<string> progress, CancellationToken cancellation);

    static readonly OrderedDictionary<string, Measuring> All = new()
    {
        ["peers"] = PeerBench.MeasureAsync,
        ["packets"] = PacketBench.MeasureAsync,
        ["control"] = ControlBench.MeasureAsync,
    };

    /// <summary>Their names, in the order of the report.</summary>
    public static IReadOnlyList<string> Names => All.Keys;

    public static Task<PartResult> MeasureAsync(
        string name, LabEngine engine, Effort effort, IProgress<string> progress, CancellationToken cancellation) =>
        All[name](engine, effort, progress, cancellation);
}
