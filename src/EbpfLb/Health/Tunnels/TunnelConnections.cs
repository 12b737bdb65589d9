namespace EbpfLb.Health.Tunnels;

/// <summary>Opens connections through tunnels. The first one opens a socket for all replies of its IP version.</summary>
sealed class TunnelConnections(TimeProvider time) : IDisposable
{
    readonly Lock _opening = new();
    readonly Dictionary<AddressFamily, TunnelReplies> _replies = [];

    /// <exception cref="SocketException">It was refused, a packet could not be sent, or the process lacks CAP_NET_RAW.</exception>
    public async ValueTask<Stream> ConnectAsync(TunnelEndPoint to, CancellationToken cancellation) =>
        await TunnelStream.ConnectAsync(new TunnelPath(to, RepliesOf(to.AddressFamily)), new(to.Address, to.Port), time, cancellation);

    public void Dispose()
    {
        foreach (var replies in _replies.Values)
            replies.Dispose();
    }

    TunnelReplies RepliesOf(AddressFamily family)
    {
        lock (_opening)
            return _replies.TryGetValue(family, out var open) ? open : _replies[family] = new(family);
    }
}
