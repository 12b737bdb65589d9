using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>What a trial tells one value of.</summary>
/// <param name="Name">As the report's heading.</param>
/// <param name="Unit">Of its values.</param>
/// <param name="MoreIsBetter">Whether a larger value is the better one.</param>
sealed record Measure(string Name, string Unit, bool MoreIsBetter);

/// <summary>What one trial of one subject came to.</summary>
/// <param name="Failures">Requests that failed.</param>
/// <param name="Values">One for each of the trial's measures, in their order; null where a subject has no such thing.</param>
sealed record Outcome(long Failures, params IReadOnlyList<double?> Values);

/// <summary>One kind of load, which is put on each subject in turn.</summary>
abstract class Trial
{
    /// <summary>What it tells.</summary>
    public abstract IReadOnlyList<Measure> Measures { get; }

    /// <summary>What exactly is done, as a sentence of the report.</summary>
    public abstract string Description { get; }

    /// <summary>Whether the subject can be put to it.</summary>
    public virtual bool Fits(Subject subject) => true;

    /// <param name="seconds">How long the load lasts.</param>
    public abstract Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds);
}
