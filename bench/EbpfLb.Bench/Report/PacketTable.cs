using System.Text;
using EbpfLb.Bench.Packets;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Bench.Report;

/// <summary>What packets cost, in Markdown: a row for each kind, a column for each hook and IP version.</summary>
static class PacketTable
{
    static readonly (string Title, Func<string, string> MeasureOf)[] Tables =
    [
        ("ns per packet, mode nat", Names.Cost),
        ("in mode dsr", Names.InModeDsr),
        ("of a new flow, by algorithm", Names.ByAlgorithm),
        ("of an existing flow, by flows", Names.ByFlows),
        ("of an existing flow, by services and backends", Names.BySize),
    ];

    public static void Write(PartResult part, StringBuilder page)
    {
        string[] places = [.. from hook in Enum.GetValues<Hook>() from hosts in Hosts.OfEachFamily select Names.Where(hook, hosts)];
        page.AppendLine($"| | {string.Join(" | ", places)} |");
        page.AppendLine($"| --- |{string.Concat(places.Select(_ => " ---: |"))}");
        foreach (var (title, measureOf) in Tables)
        {
            page.AppendLine($"| **{title}** |{string.Concat(places.Select(_ => " |"))}");
            var subjects = part.Measurements.Where(each => places.Any(place => each.Measure == measureOf(place))).Select(each => each.Subject);
            foreach (var subject in subjects.Distinct())
                page.AppendLine($"| {subject} | {string.Join(" | ", places.Select(place => Cell(part.Find(measureOf(place), subject))))} |");
        }
    }

    static string Cell(Measurement? measurement) => measurement is null ? "–" : Figures.Write(Figures.Median(measurement.Rounds));
}
