using System.Xml.Linq;

namespace EbpfLb.Mutants;

/// <summary>How a run of tests ended.</summary>
/// <param name="Ran">How many tests ran, by their classes' names.</param>
/// <param name="Failures">Each test that failed, and how; or that there is no result, and why.</param>
sealed record TestResult(IReadOnlyDictionary<string, int> Ran, params IReadOnlyList<(string Test, string Why)> Failures)
{
    /// <summary>The first test that failed; null where none did.</summary>
    public string? Failed => Failures is [var first, ..] ? first.Test : null;

    /// <summary>How it failed.</summary>
    public string Why => Failures is [var first, ..] ? first.Why : "";
}

/// <summary>A test project of the working copy.</summary>
sealed class TestSuite(string root, string project)
{
    const string Balancer = "src/EbpfLb";
    const string Output = "bin/Debug/net10.0";

    static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(8);

    byte[] _interface = [];

    /// <summary>Builds it with what it needs; returns why that fails, or null.</summary>
    public string? Build()
    {
        var error = Build($"tests/{project}");
        if (error is null)
            _interface = ReadInterface();
        return error;
    }

    /// <summary>
    /// Builds the balancer alone, and puts it into the place of the one that the tests run. The tests are built anew only
    /// if they can see the difference: in a signature, or in a constant that was compiled into them.
    /// </summary>
    public string? BuildBalancer()
    {
        if (Build(Balancer, "--no-restore", "--no-dependencies") is { } error)
            return error;
        if (!ReadInterface().AsSpan().SequenceEqual(_interface))
            return Build();
        foreach (var built in Directory.GetFiles(Path.Combine(root, Balancer, Output), "ebpf-lb.*"))
            File.Copy(built, Path.Combine(root, $"tests/{project}", Output, Path.GetFileName(built)), overwrite: true);
        return null;
    }

    /// <summary>Warnings and style are not what is looked for. A server compiles, which has been warm since the first fault.</summary>
    string? Build(string directory, params string[] more)
    {
        var (code, output) = Command.Run(root, BuildLimit, "dotnet",
        [
            "build", directory, "-v", "q", "-clp:ErrorsOnly;NoSummary", "-nodeReuse:false", "-p:UseSharedCompilation=true",
            "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false", "-p:GenerateDocumentationFile=false",
            "-p:EnforceCodeStyleInBuild=false", .. more,
        ]);
        return code == 0 ? null : output.Trim();
    }

    /// <summary>What the tests compile against.</summary>
    byte[] ReadInterface() => File.ReadAllBytes(Path.Combine(root, Balancer, "obj/Debug/net10.0/refint/ebpf-lb.dll"));

    /// <summary>Runs tests.</summary>
    /// <param name="limit">After this they are taken for failed.</param>
    /// <param name="filters">The runner's, as <c>-class</c> and <c>*.Name</c>, or <c>-stopOnFail</c>; none is all.</param>
    public TestResult Run(TimeSpan limit, params string[] filters)
    {
        var report = Path.Combine(root, $"artifacts/{project}.xml");
        Directory.CreateDirectory(Path.GetDirectoryName(report)!);
        File.Delete(report);
        var (code, output) = Command.Run(
            root, limit, Path.Combine(root, $"tests/{project}/{Output}/{project}"),
            ["-noLogo", "-noColor", "-xml", report, .. filters]);
        if (code is null)
            return new(new Dictionary<string, int>(), ("the run", $"did not end within {limit.TotalMinutes:0} minutes"));
        if (!File.Exists(report))
            return new(new Dictionary<string, int>(), ("the run", $"ended with code {code}: {LastLines(output)}"));
        return Read(XDocument.Load(report), code.Value, output);
    }

    static TestResult Read(XDocument report, int code, string output)
    {
        var tests = report.Descendants("test").ToArray();
        var ran = tests.GroupBy(test => ((string)test.Attribute("type")!).Split('.')[^1])
            .ToDictionary(type => type.Key, type => type.Count());
        (string, string)[] failures =
        [
            .. tests.Where(test => (string?)test.Attribute("result") == "Fail").Select(test =>
                ((string)test.Attribute("name")!, ((string?)test.Descendants("message").FirstOrDefault() ?? "").Trim())),
        ];
        return code == 0 || failures.Length > 0 ? new(ran, failures) : new(ran, ("the run", $"ended with code {code}: {LastLines(output)}"));
    }

    static string LastLines(string output) => string.Join('\n', output.Trim().Split('\n').TakeLast(5));
}
