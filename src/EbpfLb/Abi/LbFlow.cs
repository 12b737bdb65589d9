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

    /// <summary>An acknowledgment without SYN.</summary>
    Ack = 1 << 1,
    Fin = 1 << 2,
    Rst = 1 << 3,

    /// <summary>It is over: both FINs are acknowledged, or a reset; in modes dsr and tunnel the client's FIN.</summary>
    End = 1 << 4,

    /// <summary>A CPU takes the SNAT port of this reply entry over.</summary>
    Claimed = 1 << 5,
}

/// <summary>Mirror of <c>struct lb_flow</c>: one direction of a flow. The key is the tuple that packets arrive with.</summary>
record struct LbFlow
{
    /// <summary>
    /// The tuple that packets leave with; reversed, it is the other direction's key. In modes dsr and tunnel, which rewrite
    /// nothing and have no reply entry, its destination is the backend.
    /// </summary>
    public LbTuple Rewritten;

    /// <summary>Nanoseconds of CLOCK_MONOTONIC.</summary>
    public ulong OpenedNs;

    public ulong Packets;

    /// <summary>Bytes of IP packets, their headers included.</summary>
    public ulong Bytes;

    /// <summary>The time of the last packet: coarse CLOCK_MONOTONIC in steps of 2^22 ns, modulo 2^32.</summary>
    public uint Seen;

    /// <summary>Its upper 24 bits are the index of the interface that replies arrive on.</summary>
    public LbTcpSeen TcpSeen;

    /// <summary>The sequence number after the last accepted segment of this direction.</summary>
    public uint SeqNext;

    /// <summary>The highest acknowledgment of this direction's accepted segments.</summary>
    public uint Ack;

    /// <summary>The last packet's, while <see cref="PathMtu"/> is set.</summary>
    public LbNexthop Nexthop;

    /// <summary>The largest IP packet, in bytes, that is known to fit; 0 if none is cached.</summary>
    public ushort PathMtu;
    public ushort Service;
    public ushort Backend;
    public LbDirection Direction;
    public LbMode Mode;

    const int SeenShift = 22;

    /// <summary>A time as <see cref="Seen"/> has it.</summary>
    /// <param name="ns">Nanoseconds of CLOCK_MONOTONIC.</param>
    public static uint SeenAt(ulong ns) => (uint)(ns >> SeenShift);

    /// <summary>The time since the last packet in nanoseconds, to about 4 ms; 0 if the coarse clock is ahead.</summary>
    /// <param name="now">Nanoseconds of CLOCK_MONOTONIC, less than 104 days after the last packet.</param>
    public readonly ulong IdleNs(ulong now) => (ulong)Math.Max(0, (int)(SeenAt(now) - Seen)) << SeenShift;

    public readonly bool IsEnded => (TcpSeen & LbTcpSeen.End) != 0;
}
