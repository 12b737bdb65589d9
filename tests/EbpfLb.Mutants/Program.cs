using System.Diagnostics;
using System.IO.Enumeration;
using EbpfLb.Mutants;

// Puts the faults of tests/mutants/*.yaml into a copy of the code, one at a time, and tells which ones no test notices.
//   --only NAME,NAME   these alone; * stands for anything
//   --nearest          runs the nearest tests alone
//   --check            only looks whether every fault can be put in
var repository = Command.Read(".", "git", "rev-parse", "--show-toplevel").Trim();
string? Value(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
bool Has(string option) => args.Contains(option);

try
{
    var all = FaultLists.Read(repository);
    var only = Value("--only")?.Split(',');
    Fault[] faults = [.. all.Where(fault => only is null || only.Any(name => FileSystemName.MatchesSimpleExpression(name, fault.Name)))];
    var copy = new WorkingCopy(repository);
    Directory.CreateDirectory(copy.Root);
    copy.Refresh();
    var misfits = all.Select(copy.MisfitOf).OfType<string>().ToArray();
    if (misfits.Length > 0)
        throw new InvalidDataException(string.Join('\n', misfits));
    if (Has("--check"))
    {
        Console.WriteLine($"{all.Count} faults can be put in: {all.Count(fault => fault.IsOfDatapath)} into the datapath, "
            + $"{all.Count(fault => !fault.IsOfDatapath)} into the control plane");
        return 0;
    }

    var report = new Report(Path.Combine(repository, "artifacts/mutants"));
    var verdicts = only is null ? [] : report.Read(all);
    var withSpecs = Environment.GetEnvironmentVariable("MUTANTS_E2E") == "1";
    var trial = new Trial(copy, onlyNearest: Has("--nearest"), withSpecs);
    trial.Prepare(faults);
    foreach (var fault in faults)
    {
        var began = Stopwatch.GetTimestamp();
        var verdict = verdicts[fault.Name] = trial.Try(fault);
        Console.WriteLine($"{Report.Word(verdict.Outcome),-10} {fault.Name} ({Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s)"
            + (verdict.By.Length > 0 ? $" by {verdict.By}" : ""));
        report.Write(all, verdicts);
    }
    trial.Finish();
    Console.WriteLine();
    foreach (var fault in faults.Where(fault => verdicts[fault.Name].Outcome == Outcome.Survived))
        Console.WriteLine($"survived: {fault.Name} in {fault.File}: {fault.What}");
    Console.WriteLine(Report.Score(all, verdicts));
    Console.WriteLine($"artifacts/mutants/report.md has each one, and results.json how it was noticed.");
    return faults.Any(fault => verdicts[fault.Name].Outcome == Outcome.Survived) ? 1 : 0;
}
catch (InvalidDataException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}
