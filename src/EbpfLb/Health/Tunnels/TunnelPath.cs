using System.Threading.Channels;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Health.Tunnels;

/// <summary>
/// Sends inner packets behind an outer header that the kernel writes: as datagrams (GUE variant 1), or by a raw socket (IP in
/// IP). Replies come without one.
/// </summary>
sealed class TunnelPath : ITunnelPath
{
    const int GuePort = 6080;
    const int Ipv4InIp = 4, Ipv6InIp = 41; // IPPROTO_IPIP, IPPROTO_IPV6
    const int MaxWaiting = 64;

    readonly Socket _outer;
    readonly TunnelPort _port;
    readonly Channel<TcpSegment> _arrived = Channel.CreateBounded<TcpSegment>(
        new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <param name="replies">Of the service's IP version.</param>
    /// <exception cref="SocketException">No route.</exception>
    /// <exception cref="TunnelSocketException">No socket, no free port, or no address but those of services.</exception>
    public TunnelPath(TunnelEndPoint to, TunnelReplies replies)
    {
        _outer = Open(to);
        try
        {
            var outer = ((IPEndPoint)_outer.LocalEndPoint!).Address;
            _port = TunnelPort.Take(to.AddressFamily, replies, _arrived.Writer);
            Local = new(SourceFor(to, outer), _port.Number);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IPEndPoint Local { get; }

    public async ValueTask SendAsync(TcpSegment segment, CancellationToken cancellation) =>
        await _outer.SendAsync(segment.ToPacket(), cancellation);

    public ValueTask<TcpSegment> ReceiveAsync(CancellationToken cancellation) => _arrived.Reader.ReadAsync(cancellation);

    /// <summary>Ends a receive that is under way: the HTTP client cancels a read by the disposal of its stream.</summary>
    public void Dispose()
    {
        _port?.Dispose();
        _outer.Dispose();
        _arrived.Writer.TryComplete(new ObjectDisposedException(nameof(TunnelPath)));
    }

    static Socket Open(TunnelEndPoint to)
    {
        var socket = Create(to);
        try
        {
            socket.Connect(new IPEndPoint(to.Backend, to.Encapsulation == Encapsulation.Gue ? GuePort : 0));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    static Socket Create(TunnelEndPoint to)
    {
        var inner = to.AddressFamily == AddressFamily.InterNetwork ? Ipv4InIp : Ipv6InIp;
        try
        {
            return to.Encapsulation == Encapsulation.Gue
                ? new Socket(to.Backend.AddressFamily, SocketType.Dgram, ProtocolType.Udp)
                : RawSocket.Open(to.Backend.AddressFamily, inner);
        }
        catch (Exception error) when (error is SocketException or NativeException)
        {
            throw new TunnelSocketException(error);
        }
    }

    /// <summary>
    /// The balancer's address that the backend replies to: the outer source, or another one of that interface if the
    /// service's IP version differs. An address of a service may be the backend's as well.
    /// </summary>
    static IPAddress SourceFor(TunnelEndPoint to, IPAddress outer)
    {
        if (IsUsable(outer))
            return outer;
        var name = Interfaces.Read(all => all.FirstOrDefault(
            device => device.GetIPProperties().UnicastAddresses.Any(unicast => unicast.Address.Equals(outer)))?.Name);
        var addresses = name is null ? [] : NetworkDevice.AddressesOf(name);
        return addresses.FirstOrDefault(IsUsable) ?? throw new TunnelSocketException(
            $"{name ?? "the balancer"} has no {EndPoints.NameOf(to.AddressFamily)} address but those of services.");

        bool IsUsable(IPAddress address) =>
            address.AddressFamily == to.AddressFamily && !address.Equals(to.Address) && !to.OfServices.Contains(address);
    }
}
