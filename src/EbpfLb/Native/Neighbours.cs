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

/// <summary>The kernel's routes and neighbours over rtnetlink (linux/rtnetlink.h).</summary>
sealed class Neighbours : IDisposable
{
    const int NetlinkRoute = 0;
    const ushort NewRoute = 24, GetRoute = 26, NewNeighbour = 28, GetNeighbour = 30;
    const ushort RouteDestination = 1, RouteInterface = 4, RouteGateway = 5, RouteVia = 18, NeighbourAddress = 1;
    const byte Use = 0x01; // NTF_USE
    const int Body = 12; // rtmsg and ndmsg

    readonly Netlink _netlink = new(NetlinkRoute, "reading a neighbour");

    public void Dispose() => _netlink.Dispose();

    /// <summary>The interface and the neighbour that packets to an address are sent to; null if there is no route.</summary>
    public (int Ifindex, IPAddress Address)? NextHopTo(IPAddress destination)
    {
        Span<byte> body = stackalloc byte[Body];
        (body[0], body[1]) = ((byte)destination.AddressFamily.ToLinux(), (byte)(destination.GetAddressBytes().Length * 8));
        var answer = Query(GetRoute, Netlink.Request, body, RouteDestination, destination);
        if (Netlink.TypeOf(answer) != NewRoute || Find(answer, RouteInterface) is not { IsEmpty: false } ifindex)
            return null;
        var gateway = Find(answer, RouteGateway);
        if (gateway.IsEmpty && Find(answer, RouteVia) is { IsEmpty: false } via)
            gateway = via[sizeof(ushort)..]; // struct rtvia: the address family, then the address
        return (MemoryMarshal.Read<int>(ifindex), gateway.IsEmpty ? destination : new(gateway));
    }

    /// <summary>Null if the kernel has no such neighbour.</summary>
    public NeighbourState? StateOf(int ifindex, IPAddress address)
    {
        var answer = Query(GetNeighbour, Netlink.Request, BodyOf(ifindex, address), NeighbourAddress, address);
        return Netlink.TypeOf(answer) == NewNeighbour ? MemoryMarshal.Read<NeighbourState>(answer[(Netlink.Header + 8)..]) : null;
    }

    /// <summary>Has the kernel probe the neighbour at its known address, and forget that address if no reply arrives within seconds.</summary>
    public void Probe(int ifindex, IPAddress address) =>
        Change(Netlink.Request | Netlink.Acknowledge, BodyOf(ifindex, address, NeighbourState.Probe), address);

    /// <summary>Has the kernel resolve the neighbour's link-layer address, as if a packet were waiting for it.</summary>
    public void Resolve(int ifindex, IPAddress address) =>
        Change(Netlink.Request | Netlink.Acknowledge | Netlink.Create, BodyOf(ifindex, address, flags: Use), address);

    void Change(ushort flags, byte[] body, IPAddress address)
    {
        var errno = Netlink.ErrorOf(Query(NewNeighbour, flags, body, NeighbourAddress, address));
        // A neighbour that is gone, or has no link-layer address, is no error: the next pass sees it.
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
        _netlink.Send(type, flags, Netlink.WithAttribute(body, attribute, address.GetAddressBytes()));
        return _netlink.Receive();
    }

    /// <summary>Empty if there is no such attribute.</summary>
    static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> message, ushort wanted) =>
        Netlink.FindAttribute(message[(Netlink.Header + Body)..], wanted);
}

static class LinuxAddressFamilies
{
    /// <summary>AF_INET and AF_INET6 as Linux has them: .NET has other numbers.</summary>
    public static int ToLinux(this AddressFamily family) => family == AddressFamily.InterNetwork ? 2 : 10;
}
