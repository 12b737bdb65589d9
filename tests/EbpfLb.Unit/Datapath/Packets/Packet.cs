using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>
/// An IP packet in an Ethernet frame, field by field; vary one with a <c>with</c> expression. The addresses tell which
/// IP it is. Lengths and checksums are made right unless a field that says otherwise is set: those are for packets
/// that lie.
/// </summary>
abstract record Packet(IPEndPoint Source, IPEndPoint Destination)
{
    public const int EthernetLength = 14;
    public const ushort EtherTypeIp4 = 0x0800;
    public const ushort EtherTypeIp6 = 0x86dd;

    public Mac? SourceMac { get; init; }
    public Mac? DestinationMac { get; init; }
    public ushort? EtherType { get; init; }

    /// <summary>IPv6 calls it traffic class.</summary>
    public byte TypeOfService { get; init; }

    /// <summary>IPv6 calls it hop limit.</summary>
    public byte Ttl { get; init; } = 64;

    /// <summary>Which part of a fragmented packet this is; null for a whole one.</summary>
    public Piece? Piece { get; init; }

    /// <summary>IPv4's; a fragment has that of its <see cref="Piece"/>.</summary>
    public ushort Identification { get; init; } = 0x1d0f;

    /// <summary>IPv4's; a fragment has none.</summary>
    public Ip4Control Flags4 { get; init; } = Ip4Control.DontFragment;

    /// <summary>IPv4's: a multiple of four bytes, at most 40.</summary>
    public byte[] IpOptions { get; init; } = [];

    /// <summary>IPv6's, 20 bits.</summary>
    public int FlowLabel { get; init; }

    /// <summary>IPv6's, in their order; a fragment's own header follows them.</summary>
    public Extension[] Extensions { get; init; } = [];

    public byte[] Payload { get; init; } = [];
    public L4Checksum Checksum { get; init; }

    /// <summary>What follows the IP packet in its frame: padding of a short frame, say.</summary>
    public byte[] Trailer { get; init; } = [];

    public int? ClaimedVersion { get; init; }

    /// <summary>IPv4's, in units of 4 bytes, as the header has it.</summary>
    public int? ClaimedIpHeaderWords { get; init; }

    /// <summary>In place of <see cref="IpLength"/>. IPv6's header leaves its own 40 bytes out.</summary>
    public int? ClaimedIpLength { get; init; }

    public byte? ClaimedProtocol { get; init; }

    public bool IsIp4 => Destination.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP or IPPROTO_ICMPV6.</summary>
    public abstract byte Protocol { get; }

    /// <summary>The IP packet's length in bytes, as counters see it.</summary>
    public int IpLength => IpHeaderLength + HeaderLength + Payload.Length;

    public int IpHeaderLength => IsIp4 ? Ip4Header.Length(this) : Ip6Header.Length(this);

    protected abstract int HeaderLength { get; }

    /// <summary>Where the header has its checksum; null where it has none.</summary>
    protected abstract int? ChecksumOffset { get; }

    /// <summary>How many bytes the checksum covers, from the header's start.</summary>
    protected virtual int CoveredLength => HeaderLength + Payload.Length;

    /// <summary>Fills in a zeroed header, except for its checksum.</summary>
    protected abstract void WriteHeader(Span<byte> header);

    /// <summary>What a computed checksum is sent as.</summary>
    protected virtual ushort Sent(ushort checksum) => checksum;

    /// <summary>The sum that the checksum covers besides the segment.</summary>
    protected virtual ushort PseudoHeaderSum(int length) =>
        InternetChecksum.PseudoHeaderSum(Source.Address, Destination.Address, Protocol, length);

    /// <summary>The whole frame, as it would be on the wire.</summary>
    public byte[] ToFrame()
    {
        var frame = new byte[EthernetLength + IpLength + Trailer.Length];
        WriteEthernet(frame);
        WriteIp(frame.AsSpan(EthernetLength, IpLength));
        Trailer.CopyTo(frame.AsSpan(EthernetLength + IpLength));
        return frame;
    }

    /// <summary>The fragments that a router makes of the packet, whose data it cuts at these offsets.</summary>
    public PieceOfPacket[] Fragment(uint id, params int[] cuts)
    {
        var data = ToFrame()[(EthernetLength + IpHeaderLength)..(EthernetLength + IpLength)];
        int[] starts = [0, .. cuts];
        int[] ends = [.. cuts, data.Length];
        return
        [
            .. starts.Zip(ends, (start, end) => new PieceOfPacket(Source, Destination, Protocol, data[start..end])
            {
                Piece = new(id, start, end < data.Length),
                TypeOfService = TypeOfService,
                Ttl = Ttl,
                FlowLabel = FlowLabel,
                Extensions = Extensions,
                IpOptions = IpOptions,
            }),
        ];
    }

    void WriteEthernet(Span<byte> frame)
    {
        (DestinationMac ?? Mac.From(Destination.Address)).Write(frame);
        (SourceMac ?? Mac.From(Source.Address)).Write(frame[Mac.Length..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], EtherType ?? (IsIp4 ? EtherTypeIp4 : EtherTypeIp6));
    }

    void WriteIp(Span<byte> ip)
    {
        if (IsIp4)
            Ip4Header.Write(this, ip[..IpHeaderLength]);
        else
            Ip6Header.Write(this, ip[..IpHeaderLength]);
        WriteSegment(ip[IpHeaderLength..]);
    }

    void WriteSegment(Span<byte> segment)
    {
        WriteHeader(segment[..HeaderLength]);
        Payload.CopyTo(segment[HeaderLength..]);
        if (ChecksumOffset is { } offset)
            BinaryPrimitives.WriteUInt16BigEndian(segment[offset..], ChecksumOf(segment[..CoveredLength]));
    }

    ushort ChecksumOf(ReadOnlySpan<byte> covered)
    {
        var pseudo = PseudoHeaderSum(covered.Length);
        var right = Sent((ushort)~InternetChecksum.Sum(covered, pseudo));
        return Checksum switch
        {
            L4Checksum.Partial => pseudo,
            L4Checksum.None => 0,
            L4Checksum.Wrong => InternetChecksum.Sum([0x01, 0x02], right),
            _ => right,
        };
    }
}
