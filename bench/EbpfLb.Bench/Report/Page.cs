using System.Text;
using EbpfLb.Bench.Report.Bars;
using EbpfLb.Manual;

namespace EbpfLb.Bench.Report;

/// <summary>The page of the report, in Markdown.</summary>
static class Page
{
    /// <param name="folder">Where the pictures are put beside it.</param>
    public static string Write(IReadOnlyList<PartResult> parts, string folder)
    {
        var page = new StringBuilder();
        page.AppendLine("# Benchmarks\n");
        page.AppendLine(Prose.Wrap(
            """
            `make bench` wrote this page; [results.json](results.json) has every round. Numbers are medians of the rounds, in
            which all that is compared takes its turn, one after the other; ratios are taken within each round.
            [Profiles](profiles.md) tell why it costs what it costs.
            """));
        if (Parts.Find(parts, Parts.Peers) is { } peers)
            Overview.Write(peers, folder, page);
        foreach (var part in parts)
            Write(part, page);
        BarTable.Write(parts, page);
        return page.ToString();
    }

    static void Write(PartResult part, StringBuilder page)
    {
        page.AppendLine($"\n## {part.Title}\n");
        page.AppendLine(Prose.Wrap($"{(part.IsQuick ? "A first look, " : "")}{part.Taken:d MMMM yyyy}, on {part.Machine}."));
        page.AppendLine();
        var isSummarised = part.Name != Parts.Control;
        if (part.Baseline is { } baseline)
        {
            Tables.Summary(part, page);
            page.AppendLine();
            page.AppendLine(Prose.Wrap($"In brackets: the median of the rounds' ratios to {baseline}, which is not the ratio of the medians."));
        }
        else if (isSummarised)
        {
            PacketTable.Write(part, page);
        }
        else
        {
            Tables.Details(part, page);
        }
        page.AppendLine();
        foreach (var note in part.Notes)
            page.AppendLine(Prose.Wrap($"- {note}", "  "));
        if (!isSummarised)
            return;
        page.AppendLine("\n<details><summary>With the spread of the rounds</summary>\n");
        Tables.Details(part, page);
        page.AppendLine("\n</details>");
    }
}
