using EbpfLb.Bench.ControlPlane;
using EbpfLb.Bench.Packets;
using EbpfLb.Bench.Peers;
using EbpfLb.Bench.Report;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Bench;

/// <summary>What can be measured each by itself.</summary>
static class Parts
{
    public const string Peers = "peers", Packets = "packets", Control = "control";

    delegate Task<PartResult> Measuring(LabEngine engine, Effort effort, IProgress<string> progress, CancellationToken cancellation);

    static readonly OrderedDictionary<string, Measuring> All = new()
    {
        [Peers] = PeerBench.MeasureAsync,
        [Packets] = PacketBench.MeasureAsync,
        [Control] = ControlBench.MeasureAsync,
    };

    /// <summary>Their names, in the order of the report.</summary>
    public static IReadOnlyList<string> Names => All.Keys;

    /// <summary>A part's result; null where it was never measured.</summary>
    public static PartResult? Find(IReadOnlyList<PartResult> results, string name) => results.SingleOrDefault(part => part.Name == name);

    public static Task<PartResult> MeasureAsync(
        string name, LabEngine engine, Effort effort, IProgress<string> progress, CancellationToken cancellation) =>
        All[name](engine, effort, progress, cancellation);
}
