using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Reconcile;

/// <summary>The next state of a backend in the tables.</summary>
/// <param name="drain">How long a backend that takes no new flow keeps its flows; null to keep the former value.</param>
/// <param name="onDown">What happens to established flows of a backend that is down.</param>
/// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
readonly struct BackendStateTransition(TimeSpan? drain, DownPolicy onDown, ulong now)
{
    const ulong NanosecondsPerMillisecond = 1_000_000;

    /// <param name="held">The current entry. A draining backend keeps its deadline.</param>
    /// <param name="desired">Null if the service no longer has it.</param>
    public LbBackend Next(LbBackend held, BackendSnapshot? desired)
    {
        var next = drain is { } time ? held with { DrainMs = (uint)time.TotalMilliseconds } : held;
        if (desired is { Weight: > 0 })
            return next with
            {
                Weight = (ushort)desired.EffectiveWeight,
                State = (LbBackendState)desired.Health,
                DrainedNs = KeepsNoFlow(desired) ? DownSince(held) : 0,
            };
        return held.State is LbBackendState.Draining or LbBackendState.Drained
            ? held with { Weight = 0 }
            : next with
            {
                Weight = 0,
                State = LbBackendState.Draining,
                DrainedNs = now + (next.DrainMs * NanosecondsPerMillisecond),
            };
    }

    /// <summary>A backend that is down and is tried all the same, because all are down, keeps its flows.</summary>
    bool KeepsNoFlow(BackendSnapshot desired) =>
        onDown == DownPolicy.Reset && desired is { Health: BackendHealth.Down, IsExcluded: true };

    ulong DownSince(LbBackend held) => held.State == LbBackendState.Down && held.DrainedNs != 0 ? held.DrainedNs : now;
}
