using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace EbpfLb.Native;

/// <summary>A neighbour's state (NUD_*, linux/neighbour.h).</summary>
[Flags]
enum NeighbourState : ushort
{
    None = 0,
    Incomplete = 0x01,
    Reachable = 0x02,
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,
    Failed = 0x20,
    NoArp = 0x40,
    Permanent = 0x80,
}

/// <summary>The kernel's routes and neighbours over rtnetlink (linux/rtnetlink.h). Netlink uses the host's byte order.</summary>
sealed unsafe class Neighbours : IDisposable
{
    const int AddressFamilyNetlink = 16, NetlinkRoute = 0;
    const int RawCloseOnExec = 0x80003; // SOCK_RAW | SOCK_CLOEXEC
    const ushort NewRoute = 24, GetRoute = 26, NewNeighbour = 28, GetNeighbour = 30, ErrorMessage = 2;
    const ushort Request = 0x1, Acknowledge = 0x4, Create = 0x400;
    const ushort RouteDestination = 1, RouteInterface = 4, RouteGateway = 5, RouteVia = 18, NeighbourAddress = 1;
    const byte Use = 0x01; // NTF_USE
    const int Header = 16, Body = 12, AttributeHeader = 4; // struct nlmsghdr; rtmsg and ndmsg; struct nlattr

    readonly Fd _socket = new(Check.MinusOneWithErrno(
        LibC.socket(AddressFamilyNetlink, RawCloseOnExec, NetlinkRoute), "opening a netlink socket"));

    readonly byte[] _message = new byte[8192];

    public void Dispose() => _socket.Dispose();

    /// <summary>The interface and the neighbour that packets to an address are sent to; null if there is no route.</summary>
    public (int Ifindex, IPAddress Address)? NextHopTo(IPAddress destination)
    {
        Span<byte> body = stackalloc byte[Body];
        (body[0], body[1]) = ((byte)destination.AddressFamily.ToLinux(), (byte)(destination.GetAddressBytes().Length * 8));
        var answer = Query(GetRoute, Request, body, RouteDestination, destination);
        if (TypeOf(answer) != NewRoute || Find(answer, RouteInterface) is not { IsEmpty: false } ifindex)
            return null;
        var gateway = Find(answer, RouteGateway);
        if (gateway.IsEmpty && Find(answer, RouteVia) is { IsEmpty: false } via)
            gateway = via[sizeof(ushort)..]; // struct rtvia: the address family, then the address
        return (MemoryMarshal.Read<int>(ifindex), gateway.IsEmpty ? destination : new(gateway));
    }

    /// <summary>Null if the kernel has no such neighbour.</summary>
    public NeighbourState? StateOf(int ifindex, IPAddress address)
    {
        var answer = Query(GetNeighbour, Request, BodyOf(ifindex, address), NeighbourAddress, address);
        return TypeOf(answer) == NewNeighbour ? MemoryMarshal.Read<NeighbourState>(answer[(Header + 8)..]) : null;
    }

    /// <summary>
    /// Has the kernel ask the neighbour at its known link-layer address. If it does not answer within a few seconds, its
    /// address is forgotten.
    /// </summary>
    public void Probe(int ifindex, IPAddress address) =>
        Change(Request | Acknowledge, BodyOf(ifindex, address, NeighbourState.Probe), address);

    /// <summary>Has the kernel find out the neighbour's link-layer address, as if a packet were waiting for it.</summary>
    public void Resolve(int ifindex, IPAddress address) =>
        Change(Request | Acknowledge | Create, BodyOf(ifindex, address, flags: Use), address);

    void Change(ushort flags, byte[] body, IPAddress address)
    {
        var answer = Query(NewNeighbour, flags, body, NeighbourAddress, address);
        var errno = TypeOf(answer) == ErrorMessage ? -MemoryMarshal.Read<int>(answer[Header..]) : 0;
        // A neighbour that is gone, or has no address to be asked at, is no error: the next pass sees it.
        if (errno is not (0 or Errno.ENOENT or Errno.EINVAL))
            throw new NativeException($"probing the neighbour {address}", errno);
    }

    /// <summary>struct ndmsg.</summary>
    static byte[] BodyOf(int ifindex, IPAddress address, NeighbourState state = NeighbourState.None, byte flags = 0)
    {
        var body = new byte[Body];
        body[0] = (byte)address.AddressFamily.ToLinux();
        BitConverter.TryWriteBytes(body.AsSpan(4), ifindex);
        BitConverter.TryWriteBytes(body.AsSpan(8), (ushort)state);
        body[10] = flags;
        return body;
    }

    /// <summary>Sends a request with an address; returns the answer, which the next query overwrites.</summary>
    ReadOnlySpan<byte> Query(ushort type, ushort flags, ReadOnlySpan<byte> body, ushort attribute, IPAddress address)
    {
        const string Operation = "asking the kernel for a neighbour";
        var value = address.GetAddressBytes();
        var length = Header + Body + AttributeHeader + value.Length;
        Array.Clear(_message, 0, length);
        BitConverter.TryWriteBytes(_message, length);
        BitConverter.TryWriteBytes(_message.AsSpan(4), type);
        BitConverter.TryWriteBytes(_message.AsSpan(6), flags);
        body.CopyTo(_message.AsSpan(Header));
        BitConverter.TryWriteBytes(_message.AsSpan(Header + Body), (ushort)(AttributeHeader + value.Length));
        BitConverter.TryWriteBytes(_message.AsSpan(Header + Body + 2), attribute);
        value.CopyTo(_message, Header + Body + AttributeHeader);
        fixed (byte* bytes = _message)
        {
            Check.MinusOneWithErrno((int)LibC.send(_socket.Number, bytes, (nuint)length, 0), Operation);
            length = Check.MinusOneWithErrno((int)LibC.recv(_socket.Number, bytes, (nuint)_message.Length, 0), Operation);
        }
        return _message.AsSpan(0, length);
    }

    static ushort TypeOf(ReadOnlySpan<byte> message) => MemoryMarshal.Read<ushort>(message[4..]);

    /// <summary>Empty if there is no such attribute.</summary>
    static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> message, ushort wanted)
    {
        for (var rest = message[(Header + Body)..]; rest.Length >= AttributeHeader;)
        {
            var length = MemoryMarshal.Read<ushort>(rest);
            if (length < AttributeHeader || length > rest.Length)
                break;
            if (MemoryMarshal.Read<ushort>(rest[2..]) == wanted)
                return rest[AttributeHeader..length];
            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        }
        return [];
    }
}

static class LinuxAddressFamilies
{
    /// <summary>AF_INET and AF_INET6 as Linux has them: .NET has other numbers.</summary>
    public static int ToLinux(this AddressFamily family) => family == AddressFamily.InterNetwork ? 2 : 10;
}
