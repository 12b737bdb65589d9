using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>Reads the flows of one instance in batches, never all at once.</summary>
sealed class FlowSource
{
    readonly LbTables _tables;
    readonly ulong _now;
    readonly Dictionary<uint, string> _services;
    readonly Dictionary<uint, string> _backends;

    /// <param name="time">The system's clock: flow entries have its timestamps.</param>
    public FlowSource(string instance, LbTables tables, TimeProvider time)
    {
        Instance = instance;
        _tables = tables;
        _now = time.MonotonicNs();
        _services = ReadLabels(tables.ServiceLabels);
        _backends = ReadLabels(tables.BackendLabels);
    }

    public string Instance { get; }

    public IEnumerable<string> Services => _services.Values;

    /// <summary>The configured names or addresses.</summary>
    public IEnumerable<string> Backends => _backends.Values;

    public string ServiceName(uint id) => _services.GetValueOrDefault(id, "?");

    public string BackendName(uint id) => _backends.GetValueOrDefault(id, "?");

    /// <summary>The time since a timestamp; zero if the coarse clock puts it in the future.</summary>
    /// <param name="timestamp">Nanoseconds of CLOCK_MONOTONIC.</param>
    public TimeSpan Since(ulong timestamp) => MonotonicTime.FromNs(timestamp < _now ? _now - timestamp : 0);

    /// <summary>The time since an entry's last packet.</summary>
    public TimeSpan Idle(in LbFlow flow) => MonotonicTime.FromNs(flow.IdleNs(_now));

    /// <summary>
    /// Calls <paramref name="see"/> for each matching flow, in no order. Flows that open or end meanwhile may be
    /// missed; flows that become established may be seen twice.
    /// </summary>
    public void ForEach(FlowFilter filter, Action<Flow> see, CancellationToken cancellation)
    {
        foreach (var map in _tables.FlowMaps)
            ForEach(map, filter, see, cancellation);
        _tables.Sockets.ForEach((in _, in socket) =>
        {
            cancellation.ThrowIfCancellationRequested();
            var flow = socket.AsFlow();
            if (filter.Matches(this, socket.Client, flow))
                see(new(this, socket.Client, flow, default, FlowState.Socket));
        });
    }

    void ForEach(
        BpfMap<LbTuple, LbFlow> map, FlowFilter filter, Action<Flow> see, CancellationToken cancellation) =>
        map.ForEach((in key, in forward) =>
        {
            cancellation.ThrowIfCancellationRequested();
            if (forward.Direction != LbDirection.ToBackend || !filter.Matches(this, key, forward))
                return;
            var reply = map.TryGetPair(key, forward, out var pair) ? pair : default;
            see(new(this, key, forward, reply, StateOf(map, forward, reply)));
        });

    /// <summary>A UDP flow is established if the backend has answered; in modes dsr and tunnel, if a second datagram came.</summary>
    FlowState StateOf(BpfMap<LbTuple, LbFlow> map, in LbFlow forward, in LbFlow reply)
    {
        if (forward.IsEnded)
            return FlowState.Ended;
        var established = map == _tables.UdpFlows
            ? reply.Packets > 0 || (forward.Mode != LbMode.Nat && forward.Packets > 1)
            : map == _tables.Flows;
        return established ? FlowState.Established : FlowState.Opening;
    }

    static Dictionary<uint, string> ReadLabels(BpfMap<uint, LbLabel> map)
    {
        var labels = new Dictionary<uint, string>();
        map.ForEach((in id, in label) =>
        {
            if (label.ToString() is { Length: > 0 } text)
                labels[id] = text;
        });
        return labels;
    }
}
