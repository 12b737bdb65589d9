using EbpfLb.Abi;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>The backends whose deadline has passed, because they drained or are down: their flows are removed.</summary>
sealed class DrainDeadlines
{
    readonly BackendTable _backends;
    readonly ulong _now;
    readonly HashSet<uint> _ids = [];
    readonly HashSet<uint> _down = []; // backends
    readonly HashSet<uint> _open = []; // services with a backend that takes new flows

    /// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
    public DrainDeadlines(BackendTable backends, ulong now)
    {
        (_backends, _now) = (backends, now);
        backends.ForEach((in id, in backend) =>
        {
            if (backend.IsPastDeadline(now))
                _ids.Add(id);
            if (IsDown(backend))
                _down.Add(id);
            if (!backend.IsFree && backend.Weight > 0)
                _open.Add(backend.Service);
        });
    }

    /// <summary>Why to remove this flow, or null. An ended flow expires by itself; the backend may have come back.</summary>
    public FlowEnd? Find(in LbFlow flow) =>
        _ids.Contains(flow.Backend) && !flow.IsEnded
        && _backends.TryGet(flow.Backend, out var now) && now.IsPastDeadline(_now)
            ? WhyOf(now)
            : null;

    /// <summary>
    /// Why to end this connected socket, or null: its backend's deadline has passed. A UDP socket also leaves a backend
    /// that is down for another one, as datagrams do.
    /// </summary>
    public FlowEnd? Find(in LbSocket socket) =>
        (_ids.Contains(socket.Backend) || _down.Contains(socket.Backend))
        && _backends.TryGet(socket.Backend, out var now) && now.Address == socket.Rewritten.Dst
        && (now.IsPastDeadline(_now) || (socket.Client.Protocol == (byte)TransportProtocol.Udp && IsDown(now) && _open.Contains(now.Service)))
            ? WhyOf(now)
            : null;

    static bool IsDown(in LbBackend backend) => backend is { State: LbBackendState.Down, Weight: 0 };

    static FlowEnd WhyOf(in LbBackend backend) =>
        backend.State == LbBackendState.Down ? FlowEnd.BackendDown : FlowEnd.Drained;
}
