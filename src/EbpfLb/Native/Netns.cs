using System.Net.Sockets;

namespace EbpfLb.Native;

/// <summary>The network namespace of the calling thread.</summary>
static class Netns
{
    /// <summary>
    /// Its cookie (SO_NETNS_COOKIE, Linux 5.14): one is given once between two boots, and a bpf file system does not
    /// outlive a boot.
    /// </summary>
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

    /// <summary>The number in <c>net:[4026531840]</c>, which may be another's after its end.</summary>
    public static string Number
    {
        get
        {
            var name = File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name;
            return name[(name.IndexOf('[') + 1)..].TrimEnd(']');
        }
    }
}
