using EbpfLb.Abi;

namespace EbpfLb.Reconcile;

/// <summary>The next state of a backend in the tables.</summary>
/// <param name="drain">
/// How long a backend that takes no new flow may keep its flows; null if its service was removed, to keep the former
/// value.
/// </param>
/// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
readonly struct BackendStateTransition(TimeSpan? drain, ulong now)
{
    const ulong NanosecondsPerMillisecond = 1_000_000;

    /// <param name="held">The current entry. A draining backend keeps its deadline.</param>
    /// <param name="desired">Null if the service no longer has it.</param>
    public LbBackend Next(LbBackend held, BackendSnapshot? desired)
    {
        var next = drain is { } time ? held with { DrainMs = (uint)time.TotalMilliseconds } : held;
        if (desired is { Weight: > 0 })
            return next with { Weight = (ushort)desired.EffectiveWeight, State = (LbBackendState)desired.Health, DrainedNs = 0 };
        return held.State is LbBackendState.Draining or LbBackendState.Drained
            ? held with { Weight = 0 }
            : next with
            {
                Weight = 0,
                State = LbBackendState.Draining,
                DrainedNs = now + (next.DrainMs * NanosecondsPerMillisecond),
            };
    }
}
