using System.Text;
using EbpfLb.Bench.Report.Bars;
using EbpfLb.Bench.Report.Charts;
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
        BarTable.Write(parts, page);
        foreach (var part in parts)
            Write(part, folder, page);
        return page.ToString();
    }

    static void Write(PartResult part, string folder, StringBuilder page)
    {
        page.AppendLine($"\n## {part.Title}\n");
        page.AppendLine(Prose.Wrap($"{(part.IsQuick ? "A first look, " : "")}{part.Taken:d MMMM yyyy}, on {part.Machine}."));
        page.AppendLine();
        if (part.Baseline is null)
        {
            Tables.Details(part, page);
        }
        else
        {
            Tables.Summary(part, page);
            page.AppendLine();
            page.AppendLine(Prose.Wrap($"In brackets: the median of the rounds' ratios to {part.Baseline}, which is not the ratio of the medians."));
        }
        page.AppendLine();
        Gallery.Hang(part, folder, page);
        foreach (var note in part.Notes)
            page.AppendLine(Prose.Wrap($"- {note}", "  "));
        if (part.Baseline is null)
            return;
        page.AppendLine("\n<details><summary>With the spread of the rounds</summary>\n");
        Tables.Details(part, page);
        page.AppendLine("\n</details>");
    }
}
