using System.Text;
using System.Text.Json;

namespace EbpfLb.Mutants;

/// <summary>
/// What became of the faults, in artifacts/mutants: results.json, to which each run adds, and report.md for people.
/// </summary>
sealed class Report(string directory)
{
    static readonly JsonSerializerOptions Layout = new() { WriteIndented = true };

    string Results => Path.Combine(directory, "results.json");

    /// <summary>What former runs found; those of removed faults are left out.</summary>
    public Dictionary<string, Verdict> Read(IReadOnlyList<Fault> faults)
    {
        if (!File.Exists(Results))
            return [];
        var names = faults.Select(fault => fault.Name).ToHashSet();
        return JsonSerializer.Deserialize<Dictionary<string, Verdict>>(File.ReadAllText(Results))!
            .Where(result => names.Contains(result.Key)).ToDictionary();
    }

    public void Write(IReadOnlyList<Fault> faults, IReadOnlyDictionary<string, Verdict> verdicts)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Results, JsonSerializer.Serialize(verdicts, Layout));
        var text = new StringBuilder("# Seeded faults\n\n").AppendLine(Score(faults, verdicts)).AppendLine()
            .AppendLine("| fault | what goes wrong | outcome | by |").AppendLine("| --- | --- | --- | --- |");
        foreach (var fault in faults)
        {
            var (outcome, by) = verdicts.TryGetValue(fault.Name, out var verdict) ? (Word(verdict.Outcome), verdict.By) : ("not tried", "");
            text.AppendLine($"| {fault.Name} | {Cell(fault.What)} | {outcome} | {Cell(by)} |");
        }
        File.WriteAllText(Path.Combine(directory, "report.md"), text.ToString());
    }

    /// <summary>Three lines: the datapath's, the control plane's, and all.</summary>
    public static string Score(IReadOnlyList<Fault> faults, IReadOnlyDictionary<string, Verdict> verdicts) => string.Join('\n',
        Line("datapath", faults.Where(fault => fault.IsOfDatapath), verdicts),
        Line("control plane", faults.Where(fault => !fault.IsOfDatapath), verdicts),
        Line("all", faults, verdicts));

    public static string Word(Outcome outcome) => outcome.ToString().ToLowerInvariant();

    static string Line(string what, IEnumerable<Fault> faults, IReadOnlyDictionary<string, Verdict> verdicts)
    {
        var outcomes = faults.Select(fault => verdicts.GetValueOrDefault(fault.Name)?.Outcome).ToArray();
        int Count(Outcome? outcome) => outcomes.Count(one => one == outcome);
        return $"{what}: {Count(Outcome.Caught)} of {outcomes.Length - Count(Outcome.Refused) - Count(null)} caught, "
            + $"{Count(Outcome.Equivalent)} equivalent, {Count(Outcome.Survived)} survived; {Count(Outcome.Refused)} refused"
            + (Count(null) > 0 ? $", {Count(null)} not tried" : "");
    }

    static string Cell(string text) => text.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal).Trim();
}
