using EbpfLb.Bench.Peers;
using EbpfLb.Bench.Peers.Trials;

namespace EbpfLb.Bench.Report.Bars;

/// <summary>How ours is to stand beside its peers.</summary>
static class PeerBars
{
    const double NotBelow = 1, NotAbove = 1, SeveralTimes = 3;

    static readonly string[] Bulk = [.. new[] { 1, 8 }.Select(streams => BulkTcp.MeasureFor(streams).Name)];
    static readonly string[] Rates = [.. Bulk, KeptConnections.Rate.Name, NewConnections.Rate.Name];

    public static IReadOnlyList<Bar> All { get; } =
    [
        .. Bulk.SelectMany(measure => new[]
        {
            Bar.AtLeast(0.95, measure, Names.Tc, Names.Direct),
            Bar.AtLeastOfAll(3, measure, Names.Tc, Names.Proxies),
            Bar.AtLeast(1.3, measure, Names.Tc, Names.Nftables),
        }),
        Bar.AtLeast(0.65, KeptConnections.Rate.Name, Names.Tc, Names.Direct),
        Bar.AtLeastOfAll(1.3, KeptConnections.Rate.Name, Names.Tc, Names.Peers),
        Bar.AtLeast(0.75, NewConnections.Rate.Name, Names.Tc, Names.Direct),
        Bar.AtLeast(1.3, NewConnections.Rate.Name, Names.Tc, Names.Nftables),
        Bar.AtLeastOfAll(SeveralTimes, NewConnections.Rate.Name, Names.Tc, Names.Proxies),
        Bar.AtMostOfAny(NotAbove, KeptConnections.Percentile99.Name, Names.Tc, Names.Peers),
        .. from subject in new[] { Names.GenericXdp, Names.Dsr }
           from measure in Rates
           select Bar.AtLeastOfAll(NotBelow, measure, subject, Names.Proxies),
        .. Bulk.Select(measure => Bar.AtLeast(NotBelow, measure, Names.Dsr, Names.Tc)),
    ];
}
