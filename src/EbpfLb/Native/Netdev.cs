using System.Runtime.InteropServices;
using System.Text;

namespace EbpfLb.Native;

/// <summary>
/// XDP features of a network device over generic netlink: family "netdev" (linux/netdev.h, kernel 6.3). Needs no
/// privilege. Netlink uses the host's byte order.
/// </summary>
static unsafe class Netdev
{
    /// <summary>The device transmits frames that are redirected to it (NETDEV_XDP_ACT_NDO_XMIT).</summary>
    public const ulong SendsFrames = 1 << 2;

    const int AddressFamilyNetlink = 16;
    const int RawCloseOnExec = 0x80003; // SOCK_RAW | SOCK_CLOEXEC
    const int NetlinkGeneric = 16;
    const ushort Request = 1, Error = 2; // NLM_F_REQUEST, NLMSG_ERROR
    const ushort Controller = 16; // GENL_ID_CTRL
    const byte GetFamily = 3; // CTRL_CMD_GETFAMILY
    const ushort FamilyId = 1, FamilyName = 2; // CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME
    const byte GetDevice = 1; // NETDEV_CMD_DEV_GET
    const ushort Ifindex = 1, XdpFeatures = 3; // NETDEV_A_DEV_IFINDEX, NETDEV_A_DEV_XDP_FEATURES
    const int Header = 20; // struct nlmsghdr and struct genlmsghdr
    const int AttributeHeader = 4; // struct nlattr

    /// <summary>The device's XDP features; null if the kernel does not report them.</summary>
    public static ulong? FeaturesOf(int ifindex)
    {
        using var socket = new Fd(Check.MinusOneWithErrno(
            LibC.socket(AddressFamilyNetlink, RawCloseOnExec, NetlinkGeneric), "opening a netlink socket"));
        if (Query(socket, Controller, GetFamily, FamilyName, Encoding.ASCII.GetBytes("netdev\0"), FamilyId) is not { } family)
            return null;
        return Query(socket, MemoryMarshal.Read<ushort>(family), GetDevice, Ifindex, BitConverter.GetBytes(ifindex), XdpFeatures)
            is { } features ? MemoryMarshal.Read<ulong>(features) : null;
    }

    /// <summary>Sends a request with one attribute; returns the wanted attribute of the answer, or null.</summary>
    static byte[]? Query(Fd socket, ushort family, byte command, ushort attribute, byte[] value, ushort wanted)
    {
        const string Operation = "asking the kernel for XDP features";
        var length = Header + AttributeHeader + Aligned(value.Length);
        var message = new byte[8192];
        BitConverter.TryWriteBytes(message, length);
        BitConverter.TryWriteBytes(message.AsSpan(4), family);
        BitConverter.TryWriteBytes(message.AsSpan(6), Request);
        (message[16], message[17]) = (command, 1);
        BitConverter.TryWriteBytes(message.AsSpan(Header), (ushort)(AttributeHeader + value.Length));
        BitConverter.TryWriteBytes(message.AsSpan(Header + 2), attribute);
        value.CopyTo(message, Header + AttributeHeader);
        fixed (byte* bytes = message)
        {
            Check.MinusOneWithErrno((int)LibC.send(socket.Number, bytes, (nuint)length, 0), Operation);
            length = Check.MinusOneWithErrno((int)LibC.recv(socket.Number, bytes, (nuint)message.Length, 0), Operation);
        }
        return BitConverter.ToUInt16(message, 4) == Error ? null : Find(message.AsSpan(..length), wanted);
    }

    static byte[]? Find(ReadOnlySpan<byte> message, ushort wanted)
    {
        for (var rest = message[Header..]; rest.Length >= AttributeHeader;)
        {
            var length = MemoryMarshal.Read<ushort>(rest);
            if (length < AttributeHeader || length > rest.Length)
                return null;
            if (MemoryMarshal.Read<ushort>(rest[2..]) == wanted)
                return rest[AttributeHeader..length].ToArray();
            rest = rest[Math.Min(Aligned(length), rest.Length)..];
        }
        return null;
    }

    static int Aligned(int length) => (length + 3) & ~3;
}
