using EbpfLb.Networking;

namespace EbpfLb.Health;

/// <summary>
/// Connections of health checks. Their source ports are of <see cref="SnatPorts.Own"/>, which SNAT never uses: no reply
/// is mistaken for one to a client.
/// </summary>
static class CheckSocket
{
    /// <summary>A port may be in TIME_WAIT from an earlier check of the same backend.</summary>
    const int MaxTries = 32;

    /// <exception cref="SocketException">No connection, or no free port.</exception>
    public static async ValueTask<Socket> ConnectAsync(IPEndPoint at, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                // Checks of several backends may share a port.
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                socket.Bind(new IPEndPoint(
                    at.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any,
                    Random.Shared.Next(SnatPorts.Own.First, SnatPorts.Own.Last + 1)));
                await socket.ConnectAsync(at, cancellation);
                return socket;
            }
            catch (SocketException error) when (tries < MaxTries && IsTaken(error.SocketErrorCode))
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    static bool IsTaken(SocketError error) => error is SocketError.AddressAlreadyInUse or SocketError.AddressNotAvailable;
}
