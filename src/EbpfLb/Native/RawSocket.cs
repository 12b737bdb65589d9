namespace EbpfLb.Native;

/// <summary>Raw sockets of protocols that .NET does not open.</summary>
static class RawSocket
{
    const int Inet = 2, Inet6 = 10, RawCloseOnExec = 0x80003; // AF_*, SOCK_RAW | SOCK_CLOEXEC

    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="protocol">IPPROTO_*, whose header the kernel does not write.</param>
    /// <exception cref="SocketException">The process lacks CAP_NET_RAW, or has too many files open.</exception>
    public static Socket Open(AddressFamily family, int protocol)
    {
        var descriptor = LibC.socket(family == AddressFamily.InterNetwork ? Inet : Inet6, RawCloseOnExec, protocol);
        if (descriptor < 0)
            throw new SocketException((int)(Marshal.GetLastPInvokeError() == Errno.EPERM ? SocketError.AccessDenied : SocketError.TooManyOpenSockets));
        return new(new SafeSocketHandle(descriptor, ownsHandle: true));
    }
}
