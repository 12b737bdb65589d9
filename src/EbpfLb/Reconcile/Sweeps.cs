namespace EbpfLb.Reconcile;

/// <summary>One sweep after the other, beside the control loop: over a million flows each takes seconds.</summary>
sealed class Sweeps(FlowSweeper sweeper, FlowSweeper.Expired expired, TimeProvider time)
{
    const int RestPerWork = 9; // so that sweeps take a tenth of a processor's time at most

    static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(5);

    TimeSpan _rest = ShortestRest;

    /// <summary>Rests, then sweeps once. One at a time.</summary>
    public async Task<Swept> NextAsync(CancellationToken cancellation)
    {
        await Task.Delay(_rest, time, cancellation);
        var began = time.GetTimestamp();
        var live = await Task.Run(() => sweeper.Sweep(expired, cancellation), cancellation);
        var took = time.GetElapsedTime(began);
        var rest = RestPerWork * took;
        _rest = rest > ShortestRest ? rest : ShortestRest;
        return new(began, took, live);
    }
}

/// <summary>What a sweep found.</summary>
/// <param name="Began">A timestamp.</param>
/// <param name="Took">How long, by the clock.</param>
/// <param name="Live">Live flows by backend id.</param>
readonly record struct Swept(long Began, TimeSpan Took, IReadOnlyDictionary<uint, int> Live);
