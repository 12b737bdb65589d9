namespace EbpfLb.Health.Tunnels;

/// <summary>Opens connections through tunnels. The first one opens a socket for all replies of its IP version.</summary>
sealed class TunnelConnections(TimeProvider time) : IDisposable
{
    readonly Lock _opening = new();
    readonly Dictionary<AddressFamily, TunnelReplies> _replies = [];

    /// <exception cref="SocketException">It was refused, or a packet could not be sent.</exception>
    /// <exception cref="TunnelSocketException">The balancer could not open a socket of its own.</exception>
    public async ValueTask<Stream> ConnectAsync(TunnelEndPoint to, CancellationToken cancellation) =>
        await TunnelStream.ConnectAsync(new TunnelPath(to, RepliesOf(to.AddressFamily)), new(to.Address, to.Port), time, cancellation);

    public void Dispose()
    {
        foreach (var replies in _replies.Values)
            replies.Dispose();
    }

    /// <summary>In place of a receiver that failed there is a new one.</summary>
    TunnelReplies RepliesOf(AddressFamily family)
    {
        lock (_opening)
        {
            if (_replies.TryGetValue(family, out var open) && !open.IsFaulted)
                return open;
            open?.Dispose();
            _replies.Remove(family);
            try
            {
                return _replies[family] = new(family);
            }
            catch (SocketException error)
            {
                throw new TunnelSocketException(error);
            }
        }
    }
}
