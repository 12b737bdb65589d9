using System.Text;
using EbpfLb.Manual;

namespace EbpfLb.Bench.Report.Bars;

/// <summary>Each bar, what was measured, and whether that will do, in Markdown.</summary>
static class BarTable
{
    static readonly IReadOnlyList<Bar> All = [.. PeerBars.All, .. PacketBars.All];

    public static void Write(IReadOnlyList<PartResult> parts, StringBuilder page)
    {
        page.AppendLine("\n## Bars\n");
        page.AppendLine(Prose.Wrap(
            "What the project asks of itself, and whether it was so. Ratios are taken within each round; their median counts, "
            + "as that of values does."));
        page.AppendLine();
        page.AppendLine("| bar | asked | measured | |");
        page.AppendLine("| --- | ---: | ---: | --- |");
        foreach (var bar in All)
        {
            var measured = Parts.Find(parts, bar.Part) is { } part ? bar.Measure(part) : null;
            page.AppendLine(
                $"| {bar.Promise} | {(bar.IsFloor ? "≥" : "≤")} {bar.Limit} | {Tell(measured)} | {Judge(bar, measured)} |");
        }
    }

    static string Tell(double? measured) => measured is { } value ? Figures.Write(value) : "–";

    static string Judge(Bar bar, double? measured) =>
        measured is not { } value ? "not measured" : bar.IsMetBy(value) ? "met" : "**missed**";
}
