using System.Diagnostics;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Bench;

/// <summary>One run of the benchmarks.</summary>
static class Run
{
    /// <summary>Measures the parts that are named and writes the report; what was started for that is gone afterwards.</summary>
    public static async Task MeasureAsync(Effort effort, IReadOnlyList<string> parts, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var folder = FolderFor(effort.IsQuick);
        var progress = new Printed();
        progress.Report("building the images");
        await using var engine = new LabEngine();
        await engine.InitializeAsync();
        var report = new Report.Report(folder);
        foreach (var part in Parts.Names.Where(parts.Contains))
            report.Take(await Parts.MeasureAsync(part, engine, effort, progress, cancellation));
        report.Write();
        progress.Report($"done in {watch.Elapsed:mm\\:ss}: {Path.GetRelativePath(Environment.CurrentDirectory, folder)}/README.md");
    }

    /// <summary>Where a report is written.</summary>
    public static string FolderFor(bool isQuick) => Path.Combine(Repository.Root, isQuick ? "artifacts" : "docs", "benchmarks");

    /// <summary>Prints at once and in order, unlike <see cref="Progress{T}"/>.</summary>
    sealed class Printed : IProgress<string>
    {
        public void Report(string value) => Console.WriteLine(value);
    }
}
