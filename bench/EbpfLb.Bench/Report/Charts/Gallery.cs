using System.Text;
using System.Text.RegularExpressions;

namespace EbpfLb.Bench.Report.Charts;

/// <summary>The pictures of a report, each for a light and for a dark page.</summary>
static partial class Gallery
{
    const int FewestBars = 3;

    /// <summary>Draws a part's measures into a folder, and shows them on the page.</summary>
    public static void Hang(PartResult part, string folder, StringBuilder page)
    {
        foreach (var measure in part.Measures().Where(measure => IsWorthAPicture(part, measure)))
        {
            foreach (var theme in new[] { Theme.Light, Theme.Dark })
                File.WriteAllText(Path.Combine(folder, FileName(part, measure, theme)), BarChart.Draw(part, measure, theme));
            page.AppendLine(
                $"""
                <picture>
                  <source media="(prefers-color-scheme: dark)" srcset="{FileName(part, measure, Theme.Dark)}">
                  <img alt="{measure}" src="{FileName(part, measure, Theme.Light)}">
                </picture>

                """);
        }
    }

    /// <summary>Removes the pictures of a former report.</summary>
    public static void Clear(string folder)
    {
        foreach (var picture in Directory.EnumerateFiles(folder, "*.svg"))
            File.Delete(picture);
    }

    static bool IsWorthAPicture(PartResult part, string measure)
    {
        var bars = part.Measurements.Where(each => each.Measure == measure).ToList();
        return bars.Count >= FewestBars && bars.Exists(bar => bar.Rounds.Any(value => value != 0));
    }

    static string FileName(PartResult part, string measure, Theme theme) =>
        $"{part.Name}-{NotOfAName().Replace(measure.ToLowerInvariant(), "-").Trim('-')}-{theme.Name}.svg";

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotOfAName();
}
