using EbpfLb.Abi;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>The backends whose deadline has passed, because they drained or are down: their flows are removed.</summary>
sealed class DrainDeadlines
{
    readonly BackendTable _backends;
    readonly ulong _now;
    readonly HashSet<uint> _ids = [];

    /// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
    public DrainDeadlines(BackendTable backends, ulong now)
    {
        (_backends, _now) = (backends, now);
        backends.ForEach((in id, in backend) =>
        {
            if (backend.IsPastDeadline(now))
                _ids.Add(id);
        });
    }

    /// <summary>Why to remove this flow, or null. An ended flow expires by itself; the backend may have come back.</summary>
    public FlowEnd? Find(in LbFlow flow) =>
        _ids.Contains(flow.Backend) && !flow.IsEnded
        && _backends.TryGet(flow.Backend, out var now) && now.IsPastDeadline(_now)
            ? now.State == LbBackendState.Down ? FlowEnd.BackendDown : FlowEnd.Drained
            : null;
}
