using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>Why user space ended a flow.</summary>
enum FlowEnd
{
    /// <summary>Nothing was seen of it for as long as its state allows.</summary>
    Idle,

    /// <summary>Its backend takes no new flow any more, and its time to drain has passed.</summary>
    Drained,
}

/// <summary>Removes flows that nothing has been seen of for as long as their state allows, or whose backend's time to drain has passed.</summary>
sealed class FlowGarbageCollector(LbTables tables, TimeoutConfiguration timeouts, TimeProvider time)
{
    /// <summary>A flow that ended while it was being swept.</summary>
    /// <param name="client">The forward half's key.</param>
    /// <param name="forward">Leads to the backend.</param>
    /// <param name="reply">Leads to the client; default where it had been evicted.</param>
    /// <param name="why">It idled, or was cut.</param>
    public delegate void Expired(LbTuple client, LbFlow forward, LbFlow reply, FlowEnd why);

    /// <summary>One walk over the flow table.</summary>
    /// <param name="expired">Told of each flow that is removed; connections that ended by themselves are not among them.</param>
    /// <param name="cancellation">Ends the walk where it is.</param>
    /// <returns>The flows that live on, by backend id. Those that were cut are among them until a sweep finds them gone.</returns>
    public IReadOnlyDictionary<uint, int> Collect(Expired expired, CancellationToken cancellation = default)
    {
        // CLOCK_MONOTONIC in nanoseconds, as the datapath stamps flows.
        var limits = new FlowTimeouts(timeouts, (ulong)time.GetTimestamp());
        var deadlines = new DrainDeadlines(tables.Backends, (ulong)time.GetTimestamp());
        var live = new LiveFlows();
        foreach (var map in tables.FlowMaps)
            Collect(map, limits, deadlines, live, expired, cancellation);
        return live.ByBackend;
    }

    static void Collect(
        BpfMap<LbTuple, LbFlow> map, FlowTimeouts limits, DrainDeadlines deadlines, LiveFlows live, Expired expired,
        CancellationToken cancellation) =>
        map.ForEach((in key, in flow) =>
        {
            cancellation.ThrowIfCancellationRequested();
            if (deadlines.IsPast(flow))
            {
                Cut(map, key, flow, expired);
                live.Keep(flow.Backend); // a packet may have restored the half that was removed first
                return;
            }
            if (!limits.IsIdle(key, flow))
            {
                live.Add(flow);
                return;
            }
            var pairKey = flow.Rewritten.Reversed();
            var paired = TryGetPair(map, key, flow, out var pair);
            pair.TcpSeen |= flow.TcpSeen & LbTcpSeen.Ack; // a connection is established once a half of it shows so
            // One half idle and the other busy is a live flow: a download, say, whose client only listens.
            if (paired && !limits.IsIdle(pairKey, pair))
                live.Add(flow);
            else
                RemoveIdle(map, key, flow, paired ? pair : default, expired);
        });

    static void RemoveIdle(BpfMap<LbTuple, LbFlow> map, LbTuple key, LbFlow flow, LbFlow pair, Expired expired)
    {
        // Its other half may have been met first, and a packet may have come since the walk met it.
        if (map.TryGet(key, out var now) && now.SeenNs == flow.SeenNs)
            Remove(map, key, flow, pair, expired, FlowEnd.Idle);
    }

    static void Cut(BpfMap<LbTuple, LbFlow> map, LbTuple key, LbFlow flow, Expired expired) =>
        Remove(map, key, flow, TryGetPair(map, key, flow, out var pair) ? pair : default, expired, FlowEnd.Drained);

    static void Remove(
        BpfMap<LbTuple, LbFlow> map, LbTuple key, LbFlow flow, LbFlow pair, Expired expired, FlowEnd why)
    {
        if (!map.Remove(key))
            return;
        var pairKey = flow.Rewritten.Reversed();
        if (pair != default)
            map.Remove(pairKey);
        if (flow.TcpSeen.HasFlag(LbTcpSeen.End))
            return; // the kernel reported its end
        if (flow.Direction == LbDirection.ToBackend)
            expired(key, flow, pair, why);
        else if (pair != default)
            expired(pairKey, pair, flow, why);
    }

    /// <summary>Since a half was evicted, its key may have become another flow's.</summary>
    static bool TryGetPair(BpfMap<LbTuple, LbFlow> map, LbTuple key, LbFlow flow, out LbFlow pair) =>
        map.TryGet(flow.Rewritten.Reversed(), out pair) && pair.Rewritten.Reversed() == key;
}
