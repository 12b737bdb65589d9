namespace EbpfLb.Native;

/// <summary>The TCP and UDP sockets of the caller's network namespace over sock_diag (linux/inet_diag.h). Not thread-safe.</summary>
sealed class SocketDiagnostics : IDisposable
{
    const int NetlinkSockDiag = 4;
    const ushort ByFamily = 20, Destroy = 21; // SOCK_DIAG_BY_FAMILY, SOCK_DESTROY
    const uint Connected = 0xB36; // 1 << TCP_*: all states but SYN_RECV, TIME_WAIT, CLOSE and LISTEN; ESTABLISHED for UDP
    const int Request = 56; // struct inet_diag_req_v2
    const int Head = sizeof(ulong); // what precedes the id in a request
    const int FoundId = 4; // its place in struct inet_diag_msg
    const int IdLength = 48, Cookie = 40; // struct inet_diag_sockid, which ends with the cookie

    readonly Netlink _netlink = new(NetlinkSockDiag, "reading the sockets of this network namespace");

    public void Dispose() => _netlink.Dispose();

    /// <summary>Those connected sockets that are open, by their cookies. A socket that connects meanwhile may be missed.</summary>
    /// <param name="protocol">IPPROTO_TCP or IPPROTO_UDP.</param>
    public List<FoundSocket> Find(byte protocol, IReadOnlySet<ulong> cookies)
    {
        List<FoundSocket> found = [];
        foreach (var family in new[] { AddressFamily.InterNetwork, AddressFamily.InterNetworkV6 })
        {
            _netlink.Dump(ByFamily, RequestFor((byte)family.ToLinux(), protocol, new byte[IdLength]), socket =>
            {
                var id = socket.Slice(FoundId, IdLength);
                if (cookies.Contains(MemoryMarshal.Read<ulong>(id[Cookie..])))
                    found.Add(new(socket[0], protocol, id.ToArray()));
            });
        }
        return found;
    }

    /// <summary>
    /// Ends a socket: the kernel resets a TCP connection and disconnects a UDP socket, and its program gets ECONNABORTED.
    /// </summary>
    /// <returns>False if it is closed, or connected to another address.</returns>
    /// <exception cref="NativeException">EOPNOTSUPP: the kernel has no CONFIG_INET_DIAG_DESTROY.</exception>
    public bool End(FoundSocket socket)
    {
        _netlink.Send(Destroy, Netlink.Request | Netlink.Acknowledge, RequestFor(socket.Family, socket.Protocol, socket.Id));
        var errno = Netlink.ErrorOf(_netlink.Receive());
        return errno is 0 or Errno.ENOENT ? errno == 0 : throw new NativeException("ending a socket", errno);
    }

    static byte[] RequestFor(byte family, byte protocol, ReadOnlySpan<byte> id)
    {
        var request = new byte[Request];
        (request[0], request[1]) = (family, protocol);
        BitConverter.TryWriteBytes(request.AsSpan(4), Connected);
        id.CopyTo(request.AsSpan(Head));
        return request;
    }

    /// <summary>A socket as the kernel names it: both addresses, the interface and the cookie.</summary>
    /// <param name="Family">AF_INET or AF_INET6.</param>
    public sealed record FoundSocket(byte Family, byte Protocol, byte[] Id)
    {
        public ulong Cookie => MemoryMarshal.Read<ulong>(Id.AsSpan(SocketDiagnostics.Cookie));
    }
}
