using System.Buffers.Binary;
using System.Globalization;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>A frame as named fields, in the order of the wire, for people to read.</summary>
static class Dissection
{
    public static IReadOnlyList<(string Name, string Value)> Read(byte[] bytes)
    {
        var frame = new Frame(bytes);
        var fields = new List<(string, string)> { ("frame length", $"{bytes.Length}") };
        if (frame.EtherType is { } etherType)
        {
            fields.Add(("eth destination", $"{Mac.Read(bytes)}"));
            fields.Add(("eth source", $"{Mac.Read(bytes.AsSpan(Mac.Length))}"));
            fields.Add(("eth type", $"0x{etherType:x4}"));
        }
        fields.AddRange(OfPacket(frame));
        return fields;
    }

    static List<(string Name, string Value)> OfPacket(Frame frame)
    {
        var fields = new List<(string, string)>();
        var read = Math.Min(frame.Bytes.Length, frame.SegmentOffset);
        if (frame.Ip is { } ip)
            AddIp(fields, ip);
        if (frame.HasPorts || frame.IsIcmp)
        {
            AddSegment(fields, frame);
            read += frame.Segment.Length;
        }
        fields.Add(("rest", Hex(frame.Bytes[read..])));
        return fields;
    }

    static void AddIp(List<(string, string)> fields, IpHeader ip)
    {
        fields.Add(("ip header length", $"{ip.Bytes.Length}"));
        fields.Add(("ip type of service", $"0x{ip.TypeOfService:x2}"));
        fields.Add(("ip packet length", $"{ip.PacketLength}"));
        if (ip.Fragment is { } piece)
            fields.Add(("ip fragment", $"{piece.Offset}{(piece.More ? "+" : "")} of 0x{piece.Id:x}"));
        if (ip.IsIp4)
        {
            fields.Add(("ip identification", $"0x{Word(ip.Bytes, 4):x4}"));
            fields.Add(("ip flags, offset", $"0x{Word(ip.Bytes, 6):x4}"));
            fields.Add(("ip checksum", $"0x{Word(ip.Bytes, 10):x4} {(ip.ChecksumIsRight ? "right" : "WRONG")}"));
            fields.Add(("ip options", Hex(ip.Bytes.AsSpan(Ip4Header.MinLength))));
        }
        else
        {
            fields.Add(("ip flow label", $"0x{BinaryPrimitives.ReadUInt32BigEndian(ip.Bytes) & 0xfffff:x5}"));
            fields.Add(("ip extensions", Hex(ip.Bytes.AsSpan(Ip6Header.MinLength))));
        }
        fields.Add(("ip ttl", $"{ip.Ttl}"));
        fields.Add(("ip protocol", $"{ip.Protocol}"));
        fields.Add(("ip source", $"{ip.Source}"));
        fields.Add(("ip destination", $"{ip.Destination}"));
    }

    static void AddSegment(List<(string, string)> fields, Frame frame)
    {
        var checksum = $"0x{frame.L4ChecksumField:x4} {frame.L4Checksum switch
        {
            L4Checksum.Complete => "right",
            L4Checksum.Partial => "partial",
            L4Checksum.None => "not computed",
            _ => "WRONG",
        }}";
        if (frame.IsIcmp)
            AddIcmp(fields, frame, checksum);
        else if (frame.Ip!.Protocol == TcpPacket.ProtocolNumber)
            AddTcp(fields, frame.Segment, checksum);
        else
            AddUdp(fields, frame.Segment, checksum);
    }

    static void AddIcmp(List<(string, string)> fields, Frame frame, string checksum)
    {
        fields.Add(("icmp type, code", $"{frame.Segment[0]}, {frame.Segment[1]}"));
        fields.Add(("icmp checksum", checksum));
        fields.Add(("icmp mtu", $"{BinaryPrimitives.ReadUInt32BigEndian(frame.Segment[4..])}"));
        fields.AddRange(OfPacket(frame.Quote).Select(field => ($"quoted {field.Name}", field.Value)));
    }

    static void AddTcp(List<(string, string)> fields, ReadOnlySpan<byte> segment, string checksum)
    {
        var header = Math.Clamp((segment[12] >> 4) * 4, TcpPacket.MinLength, segment.Length);
        fields.Add(("tcp source port", $"{Word(segment, 0)}"));
        fields.Add(("tcp destination port", $"{Word(segment, 2)}"));
        fields.Add(("tcp sequence", $"{BinaryPrimitives.ReadUInt32BigEndian(segment[4..])}"));
        fields.Add(("tcp acknowledgment", $"{BinaryPrimitives.ReadUInt32BigEndian(segment[8..])}"));
        fields.Add(("tcp header length", $"{(segment[12] >> 4) * 4}"));
        fields.Add(("tcp reserved", $"0x{segment[12] & 0xf:x}"));
        fields.Add(("tcp flags", $"{(Tcp)segment[13]}"));
        fields.Add(("tcp window", $"{Word(segment, 14)}"));
        fields.Add(("tcp checksum", checksum));
        fields.Add(("tcp urgent pointer", $"{Word(segment, 18)}"));
        fields.Add(("tcp options", Hex(segment[TcpPacket.MinLength..header])));
        fields.Add(("tcp payload", Hex(segment[header..])));
    }

    static void AddUdp(List<(string, string)> fields, ReadOnlySpan<byte> segment, string checksum)
    {
        fields.Add(("udp source port", $"{Word(segment, 0)}"));
        fields.Add(("udp destination port", $"{Word(segment, 2)}"));
        fields.Add(("udp length", $"{Word(segment, 4)}"));
        fields.Add(("udp checksum", checksum));
        fields.Add(("udp payload", Hex(segment[UdpPacket.MinLength..])));
    }

    static ushort Word(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..]);

    static string Hex(ReadOnlySpan<byte> bytes)
    {
        const int shown = 8;
        var text = Convert.ToHexStringLower(bytes[..Math.Min(shown, bytes.Length)]);
        return bytes.Length <= shown
            ? text
            : string.Create(CultureInfo.InvariantCulture, $"{text}... {bytes.Length} bytes, hash {Hash(bytes):x8}");
    }

    /// <summary>Tells long payloads apart without printing them (FNV-1a).</summary>
    static uint Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 2166136261u;
        foreach (var part in bytes)
            hash = (hash ^ part) * 16777619u;
        return hash;
    }
}
