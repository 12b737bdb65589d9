using System.Net;
using System.Net.Sockets;
using EbpfLb.Configuration;
using EbpfLb.Native;

namespace EbpfLb.Unit.Health;

/// <summary>
/// Takes outer headers off, on a loopback address: it gives inner packets to the kernel again, whose own TCP serves them.
/// </summary>
sealed class TunnelledBackend : IAsyncDisposable
{
    const int GuePort = 6080, Ipv4InIp = 4;

    readonly Socket _outer, _inner;
    readonly Task _serving;
    int _packets;

    public TunnelledBackend(IPAddress address, Encapsulation encapsulation)
    {
        _outer = encapsulation == Encapsulation.Gue
            ? new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
            : RawSocket.Open(AddressFamily.InterNetwork, Ipv4InIp);
        _outer.Bind(new IPEndPoint(address, encapsulation == Encapsulation.Gue ? GuePort : 0));
        _inner = new(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw);
        _serving = ServeAsync(encapsulation == Encapsulation.Gue ? 0 : 20);
    }

    /// <summary>The packets that came.</summary>
    public int Packets => Volatile.Read(ref _packets);

    async Task ServeAsync(int outerHeader)
    {
        var buffer = new byte[2048];
        while (true)
        {
            int length;
            try
            {
                length = await _outer.ReceiveAsync(buffer);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return; // disposed
            }
            Interlocked.Increment(ref _packets);
            var inner = buffer.AsMemory(outerHeader, length - outerHeader);
            await _inner.SendToAsync(inner, new IPEndPoint(new IPAddress(inner.Span.Slice(16, 4)), 0));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _outer.Dispose();
        await _serving;
        _inner.Dispose();
    }
}
