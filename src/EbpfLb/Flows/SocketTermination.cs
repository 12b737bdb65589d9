using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>Ends connected sockets whose backend keeps no flow: no packet of theirs passes the balancer.</summary>
static class SocketTermination
{
    /// <summary>
    /// Ends them, and removes their records. A record whose socket was not found stays until the socket is closed: it
    /// is still connecting, or already closed. Call it in the network namespace of the sockets.
    /// </summary>
    /// <exception cref="NativeException">
    /// The kernel has no sock_diag, or refused for a protocol; the records of those sockets stay.
    /// </exception>
    public static void Run(LbTables tables, DrainDeadlines deadlines, FlowGarbageCollector.Expired expired)
    {
        var ending = Find(tables, deadlines);
        if (ending.Count == 0)
            return;
        using var sockets = new SocketDiagnostics();
        NativeException? refusal = null;
        foreach (var protocol in ending.Values.Select(socket => socket.Record.Client.Protocol).Distinct().ToArray())
        {
            try
            {
                foreach (var socket in sockets.Find(protocol, ending.Keys.ToHashSet()).Where(sockets.End))
                    Forget(tables, socket.Cookie, ending[socket.Cookie].Record, ending[socket.Cookie].Why, expired);
            }
            catch (NativeException error)
            {
                refusal = error; // of tcp_diag, say: udp_diag may be there
            }
        }
        if (refusal is not null)
            throw refusal;
    }

    /// <summary>By cookie. A socket that sends without connecting leaves its backend by itself.</summary>
    static Dictionary<ulong, (LbSocket Record, FlowEnd Why)> Find(LbTables tables, DrainDeadlines deadlines)
    {
        var ending = new Dictionary<ulong, (LbSocket, FlowEnd)>();
        tables.Sockets.ForEach((in key, in record) =>
        {
            if (key.Slot == LbSocketKey.Connected && deadlines.Find(record) is { } why)
                ending[key.Cookie] = (record, why);
        });
        return ending;
    }

    /// <summary>Its program may have connected it again, or closed it: then the record is another's, or gone.</summary>
    static void Forget(LbTables tables, ulong cookie, LbSocket record, FlowEnd why, FlowGarbageCollector.Expired expired)
    {
        var key = new LbSocketKey(cookie, LbSocketKey.Connected);
        if (tables.Sockets.TryGet(key, out var now) && now == record && tables.Sockets.Remove(key))
            expired(record.Client, record.AsFlow(), default, why);
    }
}
