using System.Collections.Concurrent;
using System.Threading.Channels;

namespace EbpfLb.Health.Tunnels;

/// <summary>
/// Receives what backends reply to checks through a tunnel, in one IP version. A packet socket does: the kernel drops a
/// packet from the service's address if it is this machine's too. Packets that the balancer's programs forward do not
/// reach it, and cost nothing.
/// </summary>
sealed class TunnelReplies : IDisposable
{
    const int EthernetIpv4 = 0x0800, EthernetIpv6 = 0x86dd; // ETH_P_IP, ETH_P_IPV6

    readonly Socket _socket;
    readonly ConcurrentDictionary<ushort, ChannelWriter<TcpSegment>> _ports = new();
    readonly Task _receiving;

    /// <exception cref="SocketException">It cannot be opened: the process lacks CAP_NET_RAW, say.</exception>
    public TunnelReplies(AddressFamily family)
    {
        var isIpv4 = family == AddressFamily.InterNetwork;
        _socket = new(AddressFamily.Packet, SocketType.Dgram,
            (ProtocolType)(ushort)IPAddress.HostToNetworkOrder((short)(isIpv4 ? EthernetIpv4 : EthernetIpv6)));
        (isIpv4 ? PacketFilter.OwnPortsIpv4 : PacketFilter.OwnPortsIpv6).AttachTo(_socket);
        _receiving = ReceiveAsync();
    }

    /// <summary>True if it receives nothing any more, because its socket failed.</summary>
    public bool IsFaulted => _receiving.IsFaulted;

    public void Deliver(ushort port, ChannelWriter<TcpSegment> to) => _ports[port] = to;

    public void Forget(ushort port) => _ports.TryRemove(port, out _);

    public void Dispose() => _socket.Dispose();

    async Task ReceiveAsync()
    {
        var buffer = new byte[1 << 16];
        while (true)
        {
            int length;
            try
            {
                length = await _socket.ReceiveAsync(buffer);
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.NetworkDown)
            {
                continue; // an interface was set down
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            if (TcpSegment.Read(buffer.AsMemory(0, length)) is { } segment && _ports.TryGetValue((ushort)segment.To.Port, out var port))
                port.TryWrite(segment with { Data = segment.Data.ToArray() });
        }
    }
}
