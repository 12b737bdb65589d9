using Microsoft.AspNetCore.Connections;

namespace EbpfLb.Metrics;

/// <summary>Bounds the open connections of a server: one too many closes the oldest, so that a new one is always served.</summary>
sealed class ConnectionLimit
{
    /// <summary>The number of connections that are open at a time.</summary>
    public const int Max = 256;

    readonly LinkedList<ConnectionContext> _open = []; // the oldest first

    /// <summary>A connection middleware of Kestrel.</summary>
    public ConnectionDelegate RunAsync(ConnectionDelegate next) => async connection =>
    {
        var (node, oldest) = Add(connection);
        oldest?.Abort(new ConnectionAbortedException("too many connections to the metrics endpoint"));
        try
        {
            await next(connection);
        }
        finally
        {
            lock (_open)
            {
                if (node.List is not null)
                    _open.Remove(node);
            }
        }
    };

    (LinkedListNode<ConnectionContext> Node, ConnectionContext? Oldest) Add(ConnectionContext connection)
    {
        lock (_open)
        {
            var node = _open.AddLast(connection);
            if (_open.Count <= Max)
                return (node, null);
            var oldest = _open.First!.Value;
            _open.RemoveFirst();
            return (node, oldest);
        }
    }
}
