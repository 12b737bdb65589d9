namespace EbpfLb.Flows;

/// <summary>Runs collections beside the control loop: with a million flows each takes seconds.</summary>
sealed class GcSchedule(FlowGarbageCollector collector, FlowGarbageCollector.Expired expired, TimeProvider time)
{
    const int PausePerWork = 9; // collections take at most a tenth of one processor's time

    static readonly TimeSpan MinPause = TimeSpan.FromSeconds(5);

    TimeSpan _pause = MinPause;

    /// <summary>Pauses, then collects once. Not to be called concurrently.</summary>
    public async Task<GcResult> RunNextAsync(CancellationToken cancellation)
    {
        await Task.Delay(_pause, time, cancellation);
        var began = time.GetTimestamp();
        var live = await Task.Run(() => collector.Collect(expired, cancellation), cancellation);
        var took = time.GetElapsedTime(began);
        var rest = PausePerWork * took;
        _pause = rest > MinPause ? rest : MinPause;
        return new(began, took, live);
    }
}

/// <summary>The result of a collection.</summary>
/// <param name="StartedAt">A timestamp.</param>
/// <param name="Duration">Wall-clock time.</param>
/// <param name="LiveFlows">Live flows by backend id.</param>
readonly record struct GcResult(long StartedAt, TimeSpan Duration, IReadOnlyDictionary<uint, int> LiveFlows);
