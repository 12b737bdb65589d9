using EbpfLb.Abi;
using EbpfLb.Providers;

namespace EbpfLb.Reconcile;

/// <summary>Tells how a backend is to stand that stands in some way now.</summary>
/// <param name="drain">How long one that takes no new flow any more may keep those it has.</param>
/// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
readonly struct Standing(TimeSpan drain, ulong now)
{
    readonly ulong _deadline = now + ((ulong)drain.Ticks * TimeSpan.NanosecondsPerTick);

    /// <param name="held">As the kernel has it. One that drains already keeps its deadline, whoever set that.</param>
    /// <param name="desired">Null where its service no longer has it.</param>
    public LbBackend Of(LbBackend held, BackendSnapshot? desired)
    {
        if (desired is { Weight: > 0 })
            return held with { Weight = (ushort)desired.Share, State = (LbBackendState)desired.Health, DrainedNs = 0 };
        return held.State is LbBackendState.Draining or LbBackendState.Drained
            ? held with { Weight = 0 }
            : held with { Weight = 0, State = LbBackendState.Draining, DrainedNs = _deadline };
    }
}
