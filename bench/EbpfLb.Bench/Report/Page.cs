using System.Text;

namespace EbpfLb.Bench.Report;

/// <summary>The page of the report, in Markdown.</summary>
static class Page
{
    public static string Write(IReadOnlyList<PartResult> parts)
    {
        var page = new StringBuilder();
        page.AppendLine("# Benchmarks\n");
        page.AppendLine("`make bench` wrote this page, from what [results.json](results.json) has of every round.");
        foreach (var part in parts)
            Write(part, page);
        return page.ToString();
    }

    static void Write(PartResult part, StringBuilder page)
    {
        page.AppendLine($"\n## {part.Title}\n");
        page.AppendLine($"{(part.IsQuick ? "A first look, " : "")}{part.Taken:d MMMM yyyy}, on {part.Machine}.\n");
        Tables.Summary(part, page);
    }
}
