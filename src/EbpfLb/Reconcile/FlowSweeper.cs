using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>Removes flows that nothing has been seen of for as long as their state allows.</summary>
sealed class FlowSweeper(LbTables tables, TimeoutConfiguration timeouts, TimeProvider time)
{
    /// <summary>A flow that ended while it was being swept.</summary>
    /// <param name="client">The forward half's key.</param>
    /// <param name="forward">Leads to the backend.</param>
    /// <param name="reply">Leads to the client; default where it had been evicted.</param>
    public delegate void Expired(LbTuple client, LbFlow forward, LbFlow reply);

    /// <summary>One walk over the flow table.</summary>
    /// <param name="expired">Told of each flow that idled out; connections that ended by themselves are not among them.</param>
    /// <param name="cancellation">Ends the walk where it is.</param>
    /// <returns>The flows that live on, by backend id.</returns>
    public IReadOnlyDictionary<uint, int> Sweep(Expired expired, CancellationToken cancellation = default)
    {
        // CLOCK_MONOTONIC in nanoseconds, as the datapath stamps flows.
        var limits = new FlowTimeouts(timeouts, (ulong)time.GetTimestamp());
        var live = new LiveFlows();
        foreach (var map in tables.FlowMaps)
            Sweep(map, limits, live, expired, cancellation);
        return live.ByBackend;
    }

    static void Sweep(
        BpfMap<LbTuple, LbFlow> map, FlowTimeouts limits, LiveFlows live, Expired expired, CancellationToken cancellation) =>
        map.ForEach((in key, in flow) =>
        {
            cancellation.ThrowIfCancellationRequested();
            if (!limits.IsIdle(key, flow))
            {
                live.Add(flow);
                return;
            }
            var pairKey = flow.Rewritten.Reversed();
            // Since a half was evicted, its key may have become another flow's.
            var paired = map.TryGet(pairKey, out var pair) && pair.Rewritten.Reversed() == key;
            pair.TcpSeen |= flow.TcpSeen & LbTcpSeen.Ack; // a connection is established once a half of it shows so
            // One half idle and the other busy is a live flow: a download, say, whose client only listens.
            if (paired && !limits.IsIdle(pairKey, pair))
                live.Add(flow);
            else
                Remove(map, key, flow, paired ? pair : default, expired);
        });

    static void Remove(BpfMap<LbTuple, LbFlow> map, LbTuple key, LbFlow flow, LbFlow pair, Expired expired)
    {
        // Its other half may have been met first, and a packet may have come since the walk met it.
        if (!map.TryGet(key, out var now) || now.SeenNs != flow.SeenNs || !map.Remove(key))
            return;
        var pairKey = flow.Rewritten.Reversed();
        if (pair != default)
            map.Remove(pairKey);
        if (flow.TcpSeen.HasFlag(LbTcpSeen.End))
            return; // the kernel reported its end
        if (flow.Direction == LbDirection.ToBackend)
            expired(key, flow, pair);
        else if (pair != default)
            expired(pairKey, pair, flow);
    }
}
