namespace EbpfLb.Native;

/// <summary>The network namespace of the calling thread.</summary>
static class Netns
{
    /// <summary>The namespace's cookie (SO_NETNS_COOKIE, Linux 5.14): unique until the next boot, as are pins.</summary>
    public static ulong Cookie
    {
        get
        {
            const int Level = 1, Cookie = 71; // SOL_SOCKET and SO_NETNS_COOKIE, asm-generic/socket.h
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            var value = new byte[sizeof(ulong)];
            socket.GetRawSocketOption(Level, Cookie, value);
            return BitConverter.ToUInt64(value);
        }
    }
}
