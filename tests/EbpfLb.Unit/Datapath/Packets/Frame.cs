using System.Buffers.Binary;
using System.Net;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>
/// A frame as it came, read without trust: what the frame is too short to hold is null, and lengths are checked
/// against the bytes that are there.
/// </summary>
sealed class Frame
{
    readonly byte[] _bytes;

    public Frame(byte[] bytes)
    {
        _bytes = bytes;
        Ip = EtherType switch
        {
            Packet.EtherTypeIp4 => IpHeader.Read(bytes.AsSpan(Packet.EthernetLength), ip4: true),
            Packet.EtherTypeIp6 => IpHeader.Read(bytes.AsSpan(Packet.EthernetLength), ip4: false),
            _ => null,
        };
    }

    public ReadOnlySpan<byte> Bytes => _bytes;

    public ushort? EtherType =>
        _bytes.Length >= Packet.EthernetLength ? BinaryPrimitives.ReadUInt16BigEndian(Bytes[12..]) : null;

    public IpHeader? Ip { get; }

    /// <summary>A fragment without the ports: any but the first.</summary>
    public bool IsLaterFragment => Ip?.Fragment is { Offset: > 0 };

    /// <summary>
    /// What the IP header is followed by, to the packet's end (a whole UDP datagram's, where it is shorter); empty
    /// where lengths do not fit.
    /// </summary>
    public ReadOnlySpan<byte> Segment
    {
        get
        {
            var end = Packet.EthernetLength + (Ip?.PacketLength ?? 0);
            if (Ip is null || end < SegmentOffset || end > _bytes.Length)
                return [];
            var segment = Bytes[SegmentOffset..end];
            var isWholeDatagram = Ip.Protocol == UdpPacket.ProtocolNumber && Ip.Fragment is null;
            if (!isWholeDatagram || segment.Length < UdpPacket.MinLength)
                return segment;
            var length = BinaryPrimitives.ReadUInt16BigEndian(segment[4..]);
            return length < UdpPacket.MinLength || length > segment.Length ? [] : segment[..length];
        }
    }

    /// <summary>Where <see cref="Segment"/> stands in the frame.</summary>
    public int SegmentOffset => Packet.EthernetLength + (Ip?.Bytes.Length ?? 0);

    /// <summary>A whole TCP or UDP header stands in a packet, or a first fragment, whose lengths fit.</summary>
    public bool HasPorts => !IsLaterFragment && Ip?.Protocol switch
    {
        TcpPacket.ProtocolNumber => Segment.Length >= TcpPacket.MinLength,
        UdpPacket.ProtocolNumber => Segment.Length >= UdpPacket.MinLength,
        _ => false,
    };

    /// <summary>A whole packet of ICMP, or of ICMPv6 over IPv6, that may be an error.</summary>
    public bool IsIcmp => Ip is { Fragment: null } && Segment.Length >= IcmpError.HeaderLengthOfBoth
        && Ip.Protocol == (Ip.IsIp4 ? IcmpError.ProtocolNumber4 : IcmpError.ProtocolNumber6);

    public IPEndPoint Source => new(Ip!.Source, BinaryPrimitives.ReadUInt16BigEndian(Segment));
    public IPEndPoint Destination => new(Ip!.Destination, BinaryPrimitives.ReadUInt16BigEndian(Segment[2..]));

    /// <summary>In <see cref="Segment"/>.</summary>
    public int L4ChecksumOffset => Ip!.Protocol switch
    {
        TcpPacket.ProtocolNumber => 16,
        UdpPacket.ProtocolNumber => 6,
        _ => 2,
    };

    public ushort L4ChecksumField => BinaryPrimitives.ReadUInt16BigEndian(Segment[L4ChecksumOffset..]);

    /// <summary>What the checksum field holds; the rare one that is both complete and partial is complete.</summary>
    public L4Checksum L4Checksum
    {
        get
        {
            if (Ip!.Protocol == UdpPacket.ProtocolNumber && L4ChecksumField == 0)
                return L4Checksum.None;
            if (SegmentSum == 0xffff)
                return L4Checksum.Complete;
            return LooksPartial ? L4Checksum.Partial : L4Checksum.Wrong;
        }
    }

    /// <summary>The sum that the checksum makes 0xffff: over what pseudo header there is, header and payload.</summary>
    public ushort SegmentSum => InternetChecksum.Sum(
        Segment, Ip!.Protocol == IcmpError.ProtocolNumber4 ? (ushort)0 : PseudoHeaderSum);

    public bool LooksPartial => HasPorts && Ip!.Fragment is null && L4ChecksumField == PseudoHeaderSum;

    /// <summary>The packet that an ICMP error quotes, as a frame of its own with this one's Ethernet addresses.</summary>
    public Frame Quote => new([.. _bytes.AsSpan(0, Packet.EthernetLength), .. Segment[IcmpError.HeaderLengthOfBoth..]]);

    ushort PseudoHeaderSum =>
        InternetChecksum.PseudoHeaderSum(Ip!.Source, Ip.Destination, Ip.Protocol, Segment.Length);
}
