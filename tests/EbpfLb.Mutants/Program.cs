using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.IO.Enumeration;
using EbpfLb.Mutants;

// Puts the faults of tests/mutants/*.yaml into a copy of the code, one at a time, and tells which ones no test notices.
//   --only NAME,NAME   these alone; * stands for anything
//   --nearest          runs the nearest tests alone
//   --jobs N           tries so many at a time, each in a copy of its own; 2 by default
//   --check            only looks whether every fault can be put in
var repository = Command.Read(".", "git", "rev-parse", "--show-toplevel").Trim();
string? Value(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
bool Has(string option) => args.Contains(option);

try
{
    var all = FaultLists.Read(repository);
    var only = Value("--only")?.Split(',');
    Fault[] faults = [.. all.Where(fault => only is null || only.Any(name => FileSystemName.MatchesSimpleExpression(name, fault.Name)))];
    WorkingCopy[] copies = [.. Enumerable.Range(1, int.Parse(Value("--jobs") ?? "2", CultureInfo.InvariantCulture))
        .Select(number => new WorkingCopy(repository, number))];
    foreach (var copy in copies)
        copy.Refresh();
    var misfits = all.Select(copies[0].MisfitOf).OfType<string>().ToArray();
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
    var trials = new ConcurrentBag<Trial>(copies.Select(copy => new Trial(copy, onlyNearest: Has("--nearest"), withSpecs)));
    foreach (var trial in trials)
        trial.Build();
    trials.First().CheckTests(faults);
    var writing = new Lock();
    // No partitions: one copy would be done while faults are left to the other.
    var queue = Partitioner.Create(faults, EnumerablePartitionerOptions.NoBuffering);
    Parallel.ForEach(queue, new ParallelOptions { MaxDegreeOfParallelism = copies.Length }, fault =>
    {
        var began = Stopwatch.GetTimestamp();
        trials.TryTake(out var trial);
        var verdict = trial!.Try(fault);
        trials.Add(trial);
        lock (writing)
        {
            verdicts[fault.Name] = verdict;
            Console.WriteLine($"{Report.Word(verdict.Outcome),-10} {fault.Name} ({Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s)"
                + (verdict.By.Length > 0 ? $" by {verdict.By}" : ""));
            report.Write(all, verdicts);
        }
    });
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
