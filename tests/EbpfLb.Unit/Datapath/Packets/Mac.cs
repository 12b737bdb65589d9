using System.Globalization;
using System.Net;
using EbpfLb.Abi;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>An Ethernet address; the low 48 bits of <paramref name="Value"/>, the first byte highest.</summary>
readonly record struct Mac(ulong Value)
{
    public const int Length = 6;

    /// <summary>
    /// The locally administered address 02:00:a:b:c:d of the test network's host whose addresses end in these bytes.
    /// </summary>
    public static Mac From(IPAddress host)
    {
        var mac = 0x0200ul;
        foreach (var part in host.GetAddressBytes()[^4..])
            mac = mac << 8 | part;
        return new Mac(mac);
    }

    public static Mac Read(ReadOnlySpan<byte> bytes)
    {
        var mac = 0ul;
        foreach (var part in bytes[..Length])
            mac = mac << 8 | part;
        return new Mac(mac);
    }

    public void Write(Span<byte> bytes)
    {
        for (var i = 0; i < Length; i++)
            bytes[i] = (byte)(Value >> 8 * (Length - 1 - i));
    }

    /// <summary>As user space tells the datapath of the interface that has the address.</summary>
    public LbLinkLayer LayerOf(uint ifindex)
    {
        var layer = new LbLinkLayer { Ifindex = ifindex };
        Write(layer.Address[..]);
        return layer;
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        Write(bytes);
        return string.Join(':', bytes.ToArray().Select(part => part.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
