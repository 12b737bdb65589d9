namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_nexthop</c>: the next hop of a flow, from the kernel's FIB.</summary>
record struct LbNexthop
{
    public EthernetAddress Destination;
    public EthernetAddress Source;
    public uint Ifindex;
}

/// <summary>Six bytes, as a frame has them.</summary>
[InlineArray(Length)]
struct EthernetAddress : IEquatable<EthernetAddress>
{
    const int Length = 6;
    byte _first;

    public readonly bool Equals(EthernetAddress other) => this[..].SequenceEqual(other[..]);

    public override readonly bool Equals(object? obj) => obj is EthernetAddress other && Equals(other);

    public override readonly int GetHashCode() => HashCode.Combine(this[0], this[1], this[2], this[3], this[4], this[5]);
}
