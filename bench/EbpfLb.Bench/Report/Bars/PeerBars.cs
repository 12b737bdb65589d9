using EbpfLb.Bench.Peers;
using EbpfLb.Bench.Peers.Trials;

namespace EbpfLb.Bench.Report.Bars;

/// <summary>How ours is to stand beside its peers.</summary>
static class PeerBars
{
    static readonly string[] Bulk = [.. new[] { 1, 8 }.Select(streams => BulkTcp.MeasureFor(streams).Name)];

    static readonly string[] Rates = [NewConnections.Rate.Name, KeptConnections.Rate.Name, .. Bulk];

    public static IReadOnlyList<Bar> All { get; } =
    [
        Bar.AtLeast(0.78, NewConnections.Rate.Name, Names.Tc, Names.Direct),
        .. Rates.Select(measure => Bar.AtLeast(1, measure, Names.Tc, Names.Nftables)),
        Bar.AtMost(0.7, PeerBench.OverDirect.Name, Names.Tc, Names.Nftables),
        .. Bulk.Select(measure => Bar.AtLeast(1, measure, Names.Dsr, Names.Tc)),
    ];
}
