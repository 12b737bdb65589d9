using System.Xml.Linq;

namespace EbpfLb.Mutants;

/// <summary>How a run of tests ended.</summary>
/// <param name="Ran">How many tests ran, by their classes' names.</param>
/// <param name="Failed">The first test that failed; null where none did.</param>
/// <param name="Why">How it failed, or why there is no result.</param>
sealed record TestResult(IReadOnlyDictionary<string, int> Ran, string? Failed, string Why);

/// <summary>A test project of the working copy.</summary>
sealed class TestSuite(string root, string project)
{
    const string Configuration = "Debug";

    static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(8);

    /// <summary>Builds it with what it needs; returns why that fails, or null. Warnings and style are not what is looked for.</summary>
    public string? Build(bool restore)
    {
        string[] options =
        [
            "build", $"tests/{project}", "-v", "q", "-clp:ErrorsOnly;NoSummary", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false",
            "-p:GenerateDocumentationFile=false", "-p:EnforceCodeStyleInBuild=false",
        ];
        var (code, output) = Command.Run(root, BuildLimit, "dotnet", restore ? options : [.. options, "--no-restore"]);
        return code == 0 ? null : output.Trim();
    }

    /// <summary>Runs tests until the first one fails.</summary>
    /// <param name="limit">After this they are taken for failed.</param>
    /// <param name="filters">The runner's, as <c>-class</c> and <c>*.Name</c>; none is all.</param>
    public TestResult Run(TimeSpan limit, params string[] filters)
    {
        var report = Path.Combine(root, $"artifacts/{project}.xml");
        Directory.CreateDirectory(Path.GetDirectoryName(report)!);
        File.Delete(report);
        var (code, output) = Command.Run(
            root, limit, Path.Combine(root, $"tests/{project}/bin/{Configuration}/net10.0/{project}"),
            ["-noLogo", "-noColor", "-stopOnFail", "-xml", report, .. filters]);
        if (code is null)
            return new(new Dictionary<string, int>(), "the run", $"did not end within {limit.TotalMinutes:0} minutes");
        if (!File.Exists(report))
            return new(new Dictionary<string, int>(), "the run", $"ended with code {code}: {LastLines(output)}");
        return Read(XDocument.Load(report), code.Value, output);
    }

    static TestResult Read(XDocument report, int code, string output)
    {
        var tests = report.Descendants("test").ToArray();
        var ran = tests.GroupBy(test => ((string)test.Attribute("type")!).Split('.')[^1])
            .ToDictionary(type => type.Key, type => type.Count());
        if (tests.FirstOrDefault(test => (string?)test.Attribute("result") == "Fail") is { } failed)
            return new(ran, (string)failed.Attribute("name")!, ((string?)failed.Descendants("message").FirstOrDefault() ?? "").Trim());
        return code == 0 ? new(ran, null, "") : new(ran, "the run", $"ended with code {code}: {LastLines(output)}");
    }

    static string LastLines(string output) => string.Join('\n', output.Trim().Split('\n').TakeLast(5));
}
