using System.Runtime.InteropServices;

namespace EbpfLb.Abi;

/// <summary>Mirror of <c>enum lb_direction</c>.</summary>
enum LbDirection : byte
{
    ToBackend,
    ToClient,
}

/// <summary>Mirror of <c>enum lb_tcp_seen</c>: what has been seen of a connection in one direction.</summary>
[Flags]
enum LbTcpSeen : uint
{
    None = 0,
    Syn = 1 << 0,

    /// <summary>An ACK without SYN.</summary>
    Ack = 1 << 1,
    Fin = 1 << 2,
    Rst = 1 << 3,

    /// <summary>It is over: a FIN each way, or a reset; in mode dsr the client's FIN.</summary>
    End = 1 << 4,
}

/// <summary>
/// Mirror of <c>struct lb_flow</c>: one direction of a flow. Its key is the tuple that packets arrive with.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
record struct LbFlow
{
    /// <summary>
    /// The tuple that packets leave with; reversed, it is the other direction's key. In mode dsr there is none, and
    /// this says where packets go that leave as they came.
    /// </summary>
    public LbTuple Rewritten;

    /// <summary>Nanoseconds of CLOCK_MONOTONIC.</summary>
    public ulong OpenedNs;

    /// <summary>The last packet's time: nanoseconds of CLOCK_MONOTONIC, coarse.</summary>
    public ulong SeenNs;
    public ulong Packets;

    /// <summary>Bytes of IP packets, their headers included.</summary>
    public ulong Bytes;
    public LbTcpSeen TcpSeen;

    /// <summary>What acknowledges this direction's SYN, in host byte order.</summary>
    public uint HandshakeAck;

    /// <summary>The last packet's, while <see cref="PathMtu"/> is set.</summary>
    public LbNexthop Nexthop;

    /// <summary>The largest IP packet, in bytes, that is known to fit; 0 if none is cached.</summary>
    public ushort PathMtu;
    public ushort Service;
    public ushort Backend;
    public LbDirection Direction;
    public LbMode Mode;
}
