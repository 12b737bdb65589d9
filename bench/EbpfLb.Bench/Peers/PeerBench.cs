using System.Diagnostics;
using EbpfLb.Bench.Peers.Trials;
using EbpfLb.Bench.Report;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Bench.Peers;

/// <summary>Puts every subject to every trial, one after the other, and all of that again in each round.</summary>
static class PeerBench
{
    public static readonly Measure Failures = new("Failed requests", "requests", false);

    public static readonly Measure OverDirect = new("Processor time per request, over direct", "µs", false);

    static readonly Trial[] Trials =
    [
        new BulkTcp(1), new BulkTcp(8), new KeptConnections(), new NewConnections(), new UdpAnswers(), new ProcessorTime(),
        new HeldConnections(),
    ];

    public static async Task<PartResult> MeasureAsync(LabEngine engine, Effort effort, IProgress<string> progress, CancellationToken cancellation)
    {
        using var tracking = ConnectionTracking.MakeRoom(progress);
        progress.Report("starting the client, the servers and all that is compared");
        await using var lab = await PeerLab.StartAsync(engine);
        var ledger = new Ledger();
        var watch = Stopwatch.StartNew();
        var turns = (from round in Enumerable.Range(1, effort.Rounds)
                     from trial in Trials
                     from subject in lab.Subjects
                     where trial.Fits(subject)
                     select (round, trial, subject)).ToList();
        foreach (var ((round, trial, subject), done) in turns.Select((turn, index) => (turn, index)))
        {
            cancellation.ThrowIfCancellationRequested();
            var outcome = await trial.RunAsync(lab.Client, subject, effort.Seconds);
            ledger.Enter(round, trial, subject, outcome);
            progress.Report(
                $"[{100 * (done + 1) / turns.Count,3} %, {watch.Elapsed:mm\\:ss}] round {round}/{effort.Rounds}  {subject.Name,-22} {Tell(trial, outcome)}");
        }
        var told = ledger.ByMeasure();
        return new PartResult(Parts.Peers, "Beside its peers", effort.IsQuick, DateTimeOffset.UtcNow, await Machine.DescribeAsync(engine))
        {
            Baseline = Names.Direct,
            Notes = await NotesAsync(lab),
            Measurements =
            [
                .. Trials.SelectMany(trial => trial.Measures).SelectMany(measure => told[measure]),
                .. ledger.Over(ProcessorTime.OfMachine, OverDirect), .. told[Failures],
            ],
        };
    }

    static string Tell(Trial trial, Outcome outcome) => string.Join("; ", trial.Measures.Zip(outcome.Values)
        .Where(pair => pair.Second is not null)
        .Select(pair => $"{pair.First.Name}: {Figures.Write(pair.Second!.Value)} {pair.First.Unit}")
        .Concat(outcome.Failures > 0 ? [$"{outcome.Failures} failed"] : []));

    static async Task<IReadOnlyList<string>> NotesAsync(PeerLab lab)
    {
        var notes = new List<string>
        {
            "Client, balancer and servers are containers on one Docker bridge of one machine: they share its processors and " +
            "caches, so a balancer that takes less of them leaves more for both ends.",
        };
        foreach (var subject in lab.Subjects)
            notes.Add($"**{subject.Name}**{(await subject.VersionAsync() is { } version ? $" ({version})" : "")}: {subject.Configuration}.");
        notes.AddRange(Trials.Select(trial =>
            $"*{string.Join(", ", trial.Measures.Select(measure => measure.Name))}*: {trial.Description}."));
        return notes;
    }
}
