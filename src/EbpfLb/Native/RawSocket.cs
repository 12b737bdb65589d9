namespace EbpfLb.Native;

/// <summary>Raw sockets of protocols that .NET does not open.</summary>
static class RawSocket
{
    const int RawCloseOnExec = 0x80003; // SOCK_RAW | SOCK_CLOEXEC

    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="protocol">IPPROTO_*, whose header the kernel does not write.</param>
    /// <exception cref="NativeException">EPERM without CAP_NET_RAW, EMFILE with too many files open, and the like.</exception>
    public static Socket Open(AddressFamily family, int protocol)
    {
        var descriptor = LibC.socket(family.ToLinux(), RawCloseOnExec, protocol);
        return descriptor >= 0
            ? new(new SafeSocketHandle(descriptor, ownsHandle: true))
            : throw new NativeException("opening a raw socket", Marshal.GetLastPInvokeError());
    }
}
