using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>The flows of one instance, read from its maps batch by batch: never all of them at once.</summary>
sealed class FlowSource
{
    readonly LbTables _tables;
    readonly ulong _now;
    readonly Dictionary<uint, string> _services;
    readonly Dictionary<uint, string> _backends;

    /// <param name="instance">Its name.</param>
    /// <param name="tables">Its maps.</param>
    /// <param name="time">The system's: flows have its timestamps.</param>
    public FlowSource(string instance, LbTables tables, TimeProvider time)
    {
        Instance = instance;
        _tables = tables;
        _now = (ulong)time.GetTimestamp(); // nanoseconds of CLOCK_MONOTONIC
        _services = ReadLabels(tables.ServiceLabels);
        _backends = ReadLabels(tables.BackendLabels);
    }

    public string Instance { get; }

    /// <summary>The names of its services.</summary>
    public IEnumerable<string> Services => _services.Values.Distinct().Order();

    /// <summary>The names or addresses by which its backends were configured.</summary>
    public IEnumerable<string> Backends => _backends.Values.Distinct().Order();

    public string ServiceName(uint id) => _services.GetValueOrDefault(id, "?");

    /// <summary>The name or address by which a backend was configured.</summary>
    public string BackendName(uint id) => _backends.GetValueOrDefault(id, "?");

    /// <summary>The time since a timestamp, which by a coarse clock may be one of a moment ahead.</summary>
    /// <param name="timestamp">Nanoseconds of CLOCK_MONOTONIC.</param>
    public TimeSpan Since(ulong timestamp) =>
        TimeSpan.FromTicks(timestamp < _now ? (long)((_now - timestamp) / TimeSpan.NanosecondsPerTick) : 0);

    /// <summary>
    /// Calls <paramref name="see"/> for each flow that <paramref name="filter"/> takes, in no order; those that open or
    /// end meanwhile may be missed, and those that establish be met twice.
    /// </summary>
    public void ForEach(FlowFilter filter, Action<Flow> see, CancellationToken cancellation)
    {
        foreach (var map in _tables.FlowMaps)
            ForEach(map, map == _tables.Opening ? FlowState.Opening : FlowState.Established, filter, see, cancellation);
    }

    void ForEach(
        BpfMap<LbTuple, LbFlow> map, FlowState state, FlowFilter filter, Action<Flow> see, CancellationToken cancellation) =>
        map.ForEach((in key, in forward) =>
        {
            cancellation.ThrowIfCancellationRequested();
            if (forward.Direction != LbDirection.ToBackend || !filter.Matches(this, key, forward))
                return;
            // Since a half was evicted, its key may have become another flow's.
            var paired = map.TryGet(forward.Rewritten.Reversed(), out var reply) && reply.Rewritten.Reversed() == key;
            var ended = (forward.TcpSeen & LbTcpSeen.End) != 0;
            see(new(this, key, forward, paired ? reply : default, ended ? FlowState.Ended : state));
        });

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
