using EbpfLb.Abi;

namespace EbpfLb.Reconcile;

/// <summary>Tells how a backend is to stand that stands in some way now.</summary>
/// <param name="drain">
/// How long one that takes no new flow any more may keep those it has; null where its service has left, and it keeps
/// what that gave it.
/// </param>
/// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
readonly struct BackendStateTransition(TimeSpan? drain, ulong now)
{
    const ulong NanosecondsPerMillisecond = 1_000_000;

    /// <param name="held">As the kernel has it. One that drains already keeps its deadline, whoever set that.</param>
    /// <param name="desired">Null where its service no longer has it.</param>
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
