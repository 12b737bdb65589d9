using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>Counts flows and open sockets by backend, without ended connections.</summary>
sealed class LiveFlows(LbTables tables)
{
    readonly int[] _counts = new int[tables.Backends.MaxEntries];

    /// <summary>By backend id; backends without flows have no entry.</summary>
    public IReadOnlyDictionary<uint, int> ByBackend =>
        _counts.Index().Where(entry => entry.Item > 0).ToDictionary(entry => (uint)entry.Index, entry => entry.Item);

    public static IReadOnlyDictionary<uint, int> Count(LbTables tables)
    {
        var live = new LiveFlows(tables);
        foreach (var map in tables.FlowMaps)
            map.ForEach((in _, in flow) => live.Add(flow));
        live.AddSockets();
        return live.ByBackend;
    }

    /// <summary>The datapath's own counters, which collections correct: a look-up per backend, no scan of the flows.</summary>
    public static IReadOnlyDictionary<uint, int> ReadCounters(LbTables tables)
    {
        var counts = new Dictionary<uint, int>();
        tables.ActiveFlows.ForEach((in backend, in count) =>
        {
            if (count > 0)
                counts[backend] = (int)count;
        });
        return counts;
    }

    public void Keep(uint backend) => _counts[backend]++;

    /// <summary>A number of flows, for people.</summary>
    public static string Describe(long count) => count == 1 ? "1 flow" : $"{count} flows";

    /// <summary>Counts the sockets that were given a backend and are not closed.</summary>
    public void AddSockets() => tables.Sockets.ForEach((in _, in socket) => Keep(socket.Backend));

    /// <summary>Counts a flow by its forward entry.</summary>
    public void Add(in LbFlow flow)
    {
        if (flow.Direction == LbDirection.ToBackend && !flow.IsEnded)
            Keep(flow.Backend);
    }
}
