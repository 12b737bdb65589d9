namespace EbpfLb.Flows;

/// <summary>One sweep after the other, beside the control loop: over a million flows each takes seconds.</summary>
sealed class GcSchedule(FlowGarbageCollector collector, FlowGarbageCollector.Expired expired, TimeProvider time)
{
    const int PausePerWork = 9; // so that sweeps take a tenth of a processor's time at most

    static readonly TimeSpan MinPause = TimeSpan.FromSeconds(5);

    TimeSpan _pause = MinPause;

    /// <summary>Rests, then sweeps once. One at a time.</summary>
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

/// <summary>What a sweep found.</summary>
/// <param name="StartedAt">A timestamp.</param>
/// <param name="Duration">How long, by the clock.</param>
/// <param name="LiveFlows">Live flows by backend id.</param>
readonly record struct GcResult(long StartedAt, TimeSpan Duration, IReadOnlyDictionary<uint, int> LiveFlows);
