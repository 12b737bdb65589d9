using System.Buffers.Binary;

namespace EbpfLb.Health.Tunnels;

/// <summary>The flags of a TCP header (RFC 9293, 3.1).</summary>
[Flags]
enum TcpFlags : byte { None = 0, Fin = 1, Syn = 2, Rst = 4, Psh = 8, Ack = 16 }

/// <summary>An IP packet with a TCP segment.</summary>
/// <param name="Sequence">The number of its first byte.</param>
/// <param name="Acknowledged">The number of the next byte that its sender expects, if it has <see cref="TcpFlags.Ack"/>.</param>
sealed record TcpSegment(
    IPEndPoint From, IPEndPoint To, uint Sequence, uint Acknowledged, TcpFlags Flags, ReadOnlyMemory<byte> Data)
{
    const int Ipv4Header = 20, Ipv6Header = 40, TcpHeader = 20, MssOption = 4;
    const byte Protocol = 6, HopLimit = 64;

    /// <summary>What IPv6 takes on every path (RFC 8200, 5), without headers.</summary>
    const ushort MaxSegmentSize = 1220;

    /// <summary>The IP packet. A SYN has an MSS option.</summary>
    public byte[] ToPacket()
    {
        var isIpv4 = From.AddressFamily == AddressFamily.InterNetwork;
        var header = TcpHeader + (Flags.HasFlag(TcpFlags.Syn) ? MssOption : 0);
        var packet = new byte[(isIpv4 ? Ipv4Header : Ipv6Header) + header + Data.Length];
        var ip = packet.AsSpan(0, isIpv4 ? Ipv4Header : Ipv6Header);
        var tcp = packet.AsSpan(ip.Length);
        if (isIpv4)
        {
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)packet.Length);
            ip[6] = 0x40; // don't fragment
            (ip[8], ip[9]) = (HopLimit, Protocol);
            From.Address.TryWriteBytes(ip[12..], out _);
            To.Address.TryWriteBytes(ip[16..], out _);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Checksum(ip, 0));
        }
        else
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)tcp.Length);
            (ip[6], ip[7]) = (Protocol, HopLimit);
            From.Address.TryWriteBytes(ip[8..], out _);
            To.Address.TryWriteBytes(ip[24..], out _);
        }
        BinaryPrimitives.WriteUInt16BigEndian(tcp, (ushort)From.Port);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], (ushort)To.Port);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], Acknowledged);
        (tcp[12], tcp[13]) = ((byte)(header / 4 << 4), (byte)Flags);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], ushort.MaxValue); // the window
        if (header > TcpHeader)
        {
            (tcp[TcpHeader], tcp[TcpHeader + 1]) = (2, MssOption);
            BinaryPrimitives.WriteUInt16BigEndian(tcp[(TcpHeader + 2)..], MaxSegmentSize);
        }
        Data.Span.CopyTo(tcp[header..]);
        var addresses = isIpv4 ? ip[12..] : ip[8..];
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], Checksum(tcp, Sum(addresses, (uint)(Protocol + tcp.Length))));
        return packet;
    }

    /// <summary>
    /// Null for another packet, and for a fragment. Checksums are not verified: those of packets of this machine may be
    /// pending.
    /// </summary>
    public static TcpSegment? Read(ReadOnlyMemory<byte> packet)
    {
        var ip = packet.Span;
        var isIpv4 = ip.Length >= Ipv4Header && ip[0] >> 4 == 4;
        if (!isIpv4 && (ip.Length < Ipv6Header || ip[0] >> 4 != 6))
            return null;
        var header = isIpv4 ? (ip[0] & 15) * 4 : Ipv6Header;
        var length = isIpv4
            ? BinaryPrimitives.ReadUInt16BigEndian(ip[2..])
            : Ipv6Header + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        var isFragment = isIpv4 && (BinaryPrimitives.ReadUInt16BigEndian(ip[6..]) & 0x3fff) != 0;
        if (isFragment || ip[isIpv4 ? 9 : 6] != Protocol || header < Ipv4Header || length > ip.Length || length < header + TcpHeader)
            return null;
        var tcp = ip[header..length];
        var data = header + (tcp[12] >> 4) * 4;
        if (data < header + TcpHeader || data > length)
            return null;
        return new(
            new(Address(ip, isIpv4 ? 12 : 8, isIpv4), BinaryPrimitives.ReadUInt16BigEndian(tcp)),
            new(Address(ip, isIpv4 ? 16 : 24, isIpv4), BinaryPrimitives.ReadUInt16BigEndian(tcp[2..])),
            BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]), BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]),
            (TcpFlags)tcp[13], packet[data..length]);
    }

    static IPAddress Address(ReadOnlySpan<byte> ip, int offset, bool isIpv4) => new(ip.Slice(offset, isIpv4 ? 4 : 16));

    static ushort Checksum(ReadOnlySpan<byte> bytes, uint sum)
    {
        sum = Sum(bytes, sum);
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~((sum & 0xffff) + (sum >> 16));
    }

    static uint Sum(ReadOnlySpan<byte> bytes, uint sum)
    {
        for (; bytes.Length > 1; bytes = bytes[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return bytes.IsEmpty ? sum : sum + ((uint)bytes[0] << 8);
    }
}
