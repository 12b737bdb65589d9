namespace EbpfLb.Health.Tunnels;

/// <summary>The way of one connection's packets to a backend, and back.</summary>
interface ITunnelPath : IDisposable
{
    /// <summary>The source of the inner packets.</summary>
    IPEndPoint Local { get; }

    /// <exception cref="SocketException">No route, or the backend told of an earlier packet that it cannot take it.</exception>
    ValueTask SendAsync(TcpSegment segment, CancellationToken cancellation);

    /// <summary>Waits for the next segment to <see cref="Local"/>, from anyone.</summary>
    ValueTask<TcpSegment> ReceiveAsync(CancellationToken cancellation);
}
