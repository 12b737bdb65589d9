using System.Threading.Channels;
using EbpfLb.Networking;

namespace EbpfLb.Health.Tunnels;

/// <summary>
/// A TCP port of the balancer's own that a check through a tunnel uses. A listening socket holds it whose filter takes no
/// packet: the kernel would reset the connection, which it does not know.
/// </summary>
sealed class TunnelPort : IDisposable
{
    const int MaxTries = 32;

    readonly Socket _holder;
    readonly TunnelReplies _replies;

    TunnelPort(Socket holder, ushort number, TunnelReplies replies) => (_holder, Number, _replies) = (holder, number, replies);

    public ushort Number { get; }

    /// <param name="arrived">Receives the segments to this port.</param>
    /// <exception cref="TunnelSocketException">None is free, or no socket can be opened.</exception>
    public static TunnelPort Take(AddressFamily family, TunnelReplies replies, ChannelWriter<TcpSegment> arrived)
    {
        for (var tries = 1; ; tries++)
        {
            var number = (ushort)Random.Shared.Next(SnatPorts.Own.First, SnatPorts.Own.Last + 1);
            var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, number));
                PacketFilter.TakeNothing.AttachTo(socket);
                socket.Listen(1);
                replies.Deliver(number, arrived);
                return new(socket, number, replies);
            }
            catch (SocketException error) when (tries < MaxTries && error.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                socket.Dispose();
            }
            catch (SocketException error)
            {
                socket.Dispose();
                throw new TunnelSocketException(error);
            }
        }
    }

    public void Dispose()
    {
        _replies.Forget(Number);
        _holder.Dispose();
    }
}
