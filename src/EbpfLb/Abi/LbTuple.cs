using System.Net;
using System.Runtime.InteropServices;

namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_tuple</c>: the five values that name a flow in one direction.</summary>
[StructLayout(LayoutKind.Sequential)]
record struct LbTuple
{
    public LbAddress Src;
    public LbAddress Dst;
    public BigEndianPort Sport;
    public BigEndianPort Dport;
    public byte Protocol;
#pragma warning disable IDE0051, CS0169 // Named padding: keys compare as bytes.
    readonly byte _zero0;
    readonly ushort _zero1;
#pragma warning restore IDE0051, CS0169

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
