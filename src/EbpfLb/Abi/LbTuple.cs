namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_tuple</c>: the five values that name a flow in one direction.</summary>
record struct LbTuple
{
    public LbAddress Src;
    public LbAddress Dst;
    public BigEndianPort Sport;
    public BigEndianPort Dport;
    public byte Protocol;
    readonly byte _zero0;
    readonly ushort _zero1;

    public readonly IPEndPoint Source => new(Src.ToIPAddress(), Sport.Value);

    public readonly IPEndPoint Destination => new(Dst.ToIPAddress(), Dport.Value);

    /// <summary>The same flow in the other direction.</summary>
    public readonly LbTuple Reversed() => new()
    {
        Src = Dst,
        Dst = Src,
        Sport = Dport,
        Dport = Sport,
        Protocol = Protocol,
    };
}
