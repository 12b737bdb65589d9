using EbpfLb.Bench.Peers.Subjects;
using EbpfLb.Bench.Peers.Trials;
using EbpfLb.Bench.Report;

namespace EbpfLb.Bench.Peers;

/// <summary>What came of every turn, in the order in which measures and subjects first had one.</summary>
sealed class Ledger
{
    readonly OrderedDictionary<(Measure Measure, string Subject), List<double>> _values = [];

    public void Enter(int round, Trial trial, Subject subject, Outcome outcome)
    {
        foreach (var (measure, value) in trial.Measures.Zip(outcome.Values))
            if (value is not null)
                ValuesOf(measure, subject.Name).Add(value.Value);
        Count(round, subject.Name, outcome.Failures);
    }

    /// <summary>What every trial told, and how many requests failed.</summary>
    public ILookup<Measure, Measurement> ByMeasure() =>
        _values.ToLookup(entry => entry.Key.Measure, entry => Tell(entry.Key.Measure, entry.Key.Subject, entry.Value));

    /// <summary>What a measure is of each subject more than of direct, in the same round.</summary>
    public IEnumerable<Measurement> Over(Measure measure, Measure difference)
    {
        var direct = _values[(measure, Names.Direct)];
        return from entry in _values
               where entry.Key.Measure == measure && entry.Key.Subject != Names.Direct
               select Tell(difference, entry.Key.Subject, [.. entry.Value.Zip(direct, (value, floor) => value - floor)]);
    }

    /// <summary>A round's failures, of all of its trials.</summary>
    void Count(int round, string subject, long failures)
    {
        var rounds = ValuesOf(PeerBench.Failures, subject);
        if (rounds.Count < round)
            rounds.Add(0);
        rounds[^1] += failures;
    }

    List<double> ValuesOf(Measure measure, string subject)
    {
        if (!_values.TryGetValue((measure, subject), out var values))
            _values.Add((measure, subject), values = []);
        return values;
    }

    static Measurement Tell(Measure measure, string subject, IReadOnlyList<double> rounds) =>
        new(measure.Name, subject, measure.Unit, measure.MoreIsBetter, rounds);
}
