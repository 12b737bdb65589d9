using System.Text;

namespace EbpfLb.Bench.Report;

/// <summary>Tables of measurements, in Markdown.</summary>
static class Tables
{
    /// <summary>A row for each measure, a column for each subject: the median, and in brackets that of the ratios to the baseline.</summary>
    public static void Summary(PartResult part, StringBuilder page)
    {
        var subjects = part.Subjects().ToList();
        page.AppendLine($"| | {string.Join(" | ", subjects)} |");
        page.AppendLine($"| --- |{string.Concat(subjects.Select(_ => " ---: |"))}");
        foreach (var measure in part.Measures())
        {
            var unit = part.Measurements.First(each => each.Measure == measure).Unit;
            page.AppendLine($"| {measure}, {unit} | {string.Join(" | ", subjects.Select(subject => Cell(part, part.Find(measure, subject))))} |");
        }
    }

    /// <summary>A row for each measure of each subject, with the spread of the rounds.</summary>
    public static void Details(PartResult part, StringBuilder page)
    {
        page.AppendLine("| | | median | from, to | rounds |");
        page.AppendLine("| --- | --- | ---: | ---: | ---: |");
        foreach (var each in part.Measures().SelectMany(measure => part.Measurements.Where(one => one.Measure == measure)))
            page.AppendLine(
                $"| {each.Measure}, {each.Unit} | {each.Subject} | {Figures.Write(Figures.Median(each.Rounds))} | " +
                $"{Figures.Spread(each.Rounds)} | {each.Rounds.Count} |");
    }

    static string Cell(PartResult part, Measurement? measurement)
    {
        if (measurement is null)
            return "–";
        var median = Figures.Write(Figures.Median(measurement.Rounds));
        return part.Ratios(measurement) is { } ratios && measurement.Subject != part.Baseline
            ? $"{median} ({Figures.Median(ratios):0.00}×)"
            : median;
    }
}
