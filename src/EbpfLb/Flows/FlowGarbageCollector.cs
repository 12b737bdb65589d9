using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>Why user space ended a flow.</summary>
enum FlowEnd
{
    /// <summary>It had no packet for as long as its state allows.</summary>
    Idle,

    /// <summary>Its backend's drain deadline has passed.</summary>
    Drained,

    /// <summary>Its backend is down, and its service keeps no flow there.</summary>
    BackendDown,

    /// <summary>The host has lost the address that its backend sees.</summary>
    SourceLost,
}

/// <summary>Removes flows that are idle for too long, whose backend has drained or may keep none, or whose source is lost.</summary>
/// <param name="own">The host's addresses now.</param>
sealed class FlowGarbageCollector(
    LbTables tables, TimeoutConfiguration timeouts, TimeProvider time, Func<IReadOnlySet<IPAddress>> own)
{
    readonly LostSources _lost = new(tables, own);

    /// <summary>A flow that was removed.</summary>
    /// <param name="client">The forward entry's key.</param>
    /// <param name="reply">The reply entry; default if it had been evicted.</param>
    /// <param name="why">Why it was removed.</param>
    public delegate void Expired(LbTuple client, LbFlow forward, LbFlow reply, FlowEnd why);

    /// <summary>Why the last collection could not end sockets, which keep their backend; null if it could.</summary>
    public string? SocketError { get; private set; }

    /// <summary>Scans the flow tables, and the sockets' once.</summary>
    /// <param name="expired">Called for each flow or socket that was ended, except for connections that had ended by themselves.</param>
    /// <returns>Live flows by backend id. A flow that was cut counts until the next scan confirms that it is gone.</returns>
    public IReadOnlyDictionary<uint, int> Collect(Expired expired, CancellationToken cancellation = default)
    {
        var limits = new FlowTimeouts(timeouts, time.MonotonicNs());
        var deadlines = new DrainDeadlines(tables.Backends, time.MonotonicNs());
        UpdateLostSources();
        var live = new LiveFlows(tables);
        foreach (var (table, map) in tables.FlowTables)
        {
            var scan = new TableScan(tables, table);
            var collection = new TableCollection(map, limits, deadlines, _lost, live, scan, expired);
            map.ForEach((in key, in flow) =>
            {
                cancellation.ThrowIfCancellationRequested();
                scan.See();
                collection.Collect(key, flow);
            });
            scan.Complete();
        }
        EndSockets(deadlines, expired);
        live.AddSockets();
        return live.ByBackend;
    }

    /// <summary>The control loop reads the same list after each collection, and reports what is wrong with it.</summary>
    void UpdateLostSources()
    {
        try
        {
            _lost.Update();
        }
        catch (LoadBalancerException)
        {
            // Those of before count: flows expire and drain all the same.
        }
    }

    /// <summary>A refusal only costs the sockets' ends.</summary>
    void EndSockets(DrainDeadlines deadlines, Expired expired)
    {
        SocketError = null;
        try
        {
            SocketTermination.Run(tables, deadlines, expired);
        }
        catch (NativeException error)
        {
            SocketError = $"{error.Message} Local sockets stay with backends that are down or drained: on-down and drain for "
                + "sockets need the kernel's INET_DIAG_DESTROY, tcp_diag and udp_diag, and CAP_NET_ADMIN.";
        }
    }

    /// <summary>The collection of one table.</summary>
    sealed class TableCollection(
        BpfMap<LbTuple, LbFlow> map, FlowTimeouts limits, DrainDeadlines deadlines, LostSources lost, LiveFlows live,
        TableScan scan, Expired expired)
    {
        public void Collect(in LbTuple key, in LbFlow flow)
        {
            if ((deadlines.Find(flow) ?? (lost.IsLost(key, flow) ? FlowEnd.SourceLost : null)) is { } why)
            {
                Remove(key, flow, map.TryGetPair(key, flow, out var cut) ? cut : default, why);
                live.Keep(flow.Backend); // a packet may have restored the entry that was removed first
                return;
            }
            // Both entries of a flow that is over are marked: the other one matters once this one is idle.
            if (flow.IsEnded && !limits.IsIdle(key, flow, isClosing: false))
                return;
            LbFlow pair = default;
            var hasFin = (flow.TcpSeen & LbTcpSeen.Fin) != 0;
            var paired = hasFin && map.TryGetPair(key, flow, out pair);
            if (hasFin && !paired && !map.TryGet(key, out _))
                return; // removed with its pair, which this scan visited first
            var isClosing = (pair.TcpSeen & LbTcpSeen.Fin) != 0;
            if (!limits.IsIdle(key, flow, isClosing))
            {
                live.Add(flow);
                return;
            }
            paired = paired || map.TryGetPair(key, flow, out pair);
            pair.TcpSeen |= flow.TcpSeen & LbTcpSeen.Ack; // either entry shows that the connection is established
            // A flow is live while either direction is: a client may only receive.
            if (paired && !limits.IsIdle(flow.Rewritten.Reversed(), pair, isClosing))
                live.Add(flow);
            // The other entry may have been visited first, and a packet may have arrived since.
            else if (map.TryGet(key, out var now) && now.Seen == flow.Seen)
                Remove(key, flow, paired ? pair : default, FlowEnd.Idle);
        }

        void Remove(LbTuple key, LbFlow flow, LbFlow pair, FlowEnd why)
        {
            if (!map.Remove(key))
                return;
            scan.CountRemoval();
            var pairKey = flow.Rewritten.Reversed();
            if (pair != default && map.Remove(pairKey))
                scan.CountRemoval();
            if (flow.IsEnded)
                return; // the datapath reported its end
            if (flow.Direction == LbDirection.ToBackend)
                expired(key, flow, pair, why);
            else if (pair != default)
                expired(pairKey, pair, flow, why);
        }
    }
}
