using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>What a rewrite changes of a frame, and what it must not.</summary>
static class RewriteMask
{
    /// <summary>
    /// The frame without what a rewrite changes: all addresses, ports, checksums, the TTL and a fragment's id; of an ICMP error, those
    /// of the quoted packet as well, except for its TTL. A later fragment has neither ports nor checksum.
    /// </summary>
    public static byte[] Rest(Frame frame)
    {
        var rest = frame.Bytes.ToArray();
        rest.AsSpan(0, 2 * Mac.Length).Clear();
        rest[Packet.EthernetLength + (frame.Ip!.IsIp4 ? 8 : 7)] = 0;
        ClearAddresses(rest.AsSpan(Packet.EthernetLength), frame.Ip);
        if (frame.Ip.Fragment is not null)
            rest.AsSpan(Packet.EthernetLength + frame.Ip.IdOffset, frame.Ip.IsIp4 ? sizeof(ushort) : sizeof(uint)).Clear();
        if (frame.HasPorts)
            ClearPortsAndChecksum(rest.AsSpan(frame.SegmentOffset), frame.L4ChecksumOffset);
        else if (frame.IsIcmp && frame.Quote.Ip is { } quoted)
            ClearQuote(rest.AsSpan(frame.SegmentOffset), quoted, frame);
        return rest;
    }

    static void ClearQuote(Span<byte> message, IpHeader quoted, Frame frame)
    {
        message.Slice(frame.L4ChecksumOffset, sizeof(ushort)).Clear();
        message = message[IcmpError.HeaderLengthOfBoth..];
        ClearAddresses(message, quoted);
        var checksum = quoted.Protocol == TcpPacket.ProtocolNumber ? 16 : 6;
        ClearPortsAndChecksum(message[quoted.Bytes.Length..], checksum);
    }

    static void ClearAddresses(Span<byte> packet, IpHeader header) =>
        packet[(header.IsIp4 ? 10..20 : 8..40)].Clear();

    /// <summary>As far as they are there: a quote may be cut off.</summary>
    static void ClearPortsAndChecksum(Span<byte> segment, int checksum)
    {
        segment[..Math.Min(4, segment.Length)].Clear();
        if (segment.Length >= checksum + sizeof(ushort))
            segment.Slice(checksum, sizeof(ushort)).Clear();
    }
}
