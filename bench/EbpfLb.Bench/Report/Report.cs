namespace EbpfLb.Bench.Report;

/// <summary>The report in a folder: the results as JSON, a page that shows them, and pictures.</summary>
sealed class Report(string folder)
{
    readonly Results _results = Results.Read(Path.Combine(folder, "results.json"));

    /// <summary>Takes what a part found; parts that were not run stay as they were.</summary>
    public void Take(PartResult result) => _results.Take(result, [.. Parts.Names]);

    public void Write()
    {
        Directory.CreateDirectory(folder);
        _results.Write(Path.Combine(folder, "results.json"));
        File.WriteAllText(Path.Combine(folder, "README.md"), Page.Write(_results.Parts, folder));
    }
}
