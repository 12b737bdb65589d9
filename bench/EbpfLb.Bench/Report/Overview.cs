using System.Text;
using EbpfLb.Bench.Peers;
using EbpfLb.Bench.Peers.Trials;
using EbpfLb.Bench.Report.Charts;
using EbpfLb.Manual;

namespace EbpfLb.Bench.Report;

/// <summary>What a newcomer asks: how much of what is possible without a balancer is left with one.</summary>
static class Overview
{
    static readonly string[] Rates = [BulkTcp.MeasureFor(1).Name, KeptConnections.Rate.Name, NewConnections.Rate.Name, UdpAnswers.Rate.Name];

    /// <param name="folder">Where the picture is put beside the page.</param>
    public static void Write(PartResult peers, string folder, StringBuilder page)
    {
        var balancers = peers.Subjects().Where(subject => subject != Names.Direct).ToList();
        page.AppendLine("\n## At a glance\n");
        page.AppendLine(Prose.Wrap(
            $"""
            What is left of what the client gets without a balancer, when all of them share {peers.Machine.Processors} processors:
            100 % is no balancer at all.
            """));
        page.AppendLine();
        page.AppendLine($"| | {string.Join(" | ", balancers)} |");
        page.AppendLine($"| --- |{string.Concat(balancers.Select(_ => " ---: |"))}");
        foreach (var measure in Rates)
            page.AppendLine($"| {measure} | {string.Join(" | ", balancers.Select(subject => Percent(ShareOfDirect(peers, measure, subject))))} |");
        var over = PeerBench.OverDirect;
        page.AppendLine($"| {over.Name}, {over.Unit} | {string.Join(" | ", balancers.Select(subject => Cell(peers.Find(over.Name, subject))))} |");
        page.AppendLine();
        ShareChart.Write(peers, Rates, balancers, folder, page);
        page.AppendLine(Prose.Wrap(
            $"""
            A peer loses something against no balancer. This is how much of that {Names.Tc} does not lose: 0 % is the peer, 100 %
            is no balancer.
            """));
        page.AppendLine();
        page.AppendLine($"| | {string.Join(" | ", Names.Peers)} |");
        page.AppendLine($"| --- |{string.Concat(Names.Peers.Select(_ => " ---: |"))}");
        foreach (var measure in Rates)
            page.AppendLine($"| {measure} | {string.Join(" | ", Names.Peers.Select(peer => Percent(RecoveredShare(peers, measure, peer))))} |");
    }

    /// <summary>The share of direct; null where the subject was not put to that.</summary>
    public static double? ShareOfDirect(PartResult peers, string measure, string subject) => Bars.Bar.Ratio(peers, measure, subject, Names.Direct);

    /// <summary>(ours - peer) / (direct - peer), of the medians; null where there is no such share.</summary>
    static double? RecoveredShare(PartResult peers, string measure, string peer) =>
        (ShareOfDirect(peers, measure, Names.Tc), ShareOfDirect(peers, measure, peer)) is ({ } ours, { } others) && others < 1
            ? (ours - others) / (1 - others)
            : null;

    static string Percent(double? share) => share is { } value ? $"{100 * value:F0} %" : "–";

    static string Cell(Measurement? measurement) => measurement is null ? "–" : Figures.Write(Figures.Median(measurement.Rounds));
}
