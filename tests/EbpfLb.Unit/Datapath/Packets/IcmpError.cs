using System.Buffers.Binary;
using System.Net;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>What an error says, in the words of RFC 792 and, by other numbers, of RFC 4443.</summary>
public enum IcmpSays
{
    NetworkUnreachable,
    HostUnreachable,
    PortUnreachable,
    FragmentationNeeded,
    TimeExceeded,
    ParameterProblem,
}

/// <summary>An ICMP or ICMPv6 error that quotes a packet, whole or its first bytes.</summary>
sealed record IcmpError : Packet
{
    public const byte ProtocolNumber4 = 1;
    public const byte ProtocolNumber6 = 58;
    public const int HeaderLengthOfBoth = 8;

    readonly Packet _quoted;

    /// <param name="reporter">Who says so.</param>
    /// <param name="says">What.</param>
    /// <param name="quoted">The packet as it came to the reporter, who sends the error to its source.</param>
    public IcmpError(IPAddress reporter, IcmpSays says, Packet quoted)
        : base(new(reporter, 0), new(quoted.Source.Address, 0)) =>
        (Says, _quoted, Payload) = (says, quoted, Quote(quoted, null));

    public IcmpSays Says { get; init; }

    /// <summary>The packet that the error is about.</summary>
    public Packet Quoted
    {
        get => _quoted;
        init => (_quoted, Payload) = (value, Quote(value, QuotedLength));
    }

    /// <summary>How many bytes of the packet are quoted; null for all.</summary>
    public int? QuotedLength
    {
        get;
        init => (field, Payload) = (value, Quote(_quoted, value));
    }

    /// <summary>The link's MTU in bytes, or what else the four bytes before the quote say.</summary>
    public uint Mtu { get; init; } = 1280;

    /// <summary>Other than what <see cref="Says"/> stands for.</summary>
    public byte? ClaimedType { get; init; }

    public override byte Protocol => IsIp4 ? ProtocolNumber4 : ProtocolNumber6;

    protected override int HeaderLength => HeaderLengthOfBoth;
    protected override int? ChecksumOffset => 2;

    protected override ushort PseudoHeaderSum(int length) => IsIp4 ? (ushort)0 : base.PseudoHeaderSum(length);

    protected override void WriteHeader(Span<byte> header)
    {
        var (type, code) = TypeAndCode();
        header[0] = ClaimedType ?? type;
        header[1] = code;
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], Mtu);
    }

    static byte[] Quote(Packet packet, int? length) =>
        packet.ToFrame()[EthernetLength..(EthernetLength + (length ?? packet.IpLength))];

    (byte Type, byte Code) TypeAndCode() => (Says, IsIp4) switch
    {
        (IcmpSays.NetworkUnreachable, true) => (3, 0),
        (IcmpSays.HostUnreachable, true) => (3, 1),
        (IcmpSays.PortUnreachable, true) => (3, 3),
        (IcmpSays.FragmentationNeeded, true) => (3, 4),
        (IcmpSays.TimeExceeded, true) => (11, 0),
        (IcmpSays.ParameterProblem, true) => (12, 0),
        (IcmpSays.NetworkUnreachable, false) => (1, 0),
        (IcmpSays.HostUnreachable, false) => (1, 3),
        (IcmpSays.PortUnreachable, false) => (1, 4),
        (IcmpSays.FragmentationNeeded, false) => (2, 0),
        (IcmpSays.TimeExceeded, false) => (3, 0),
        (IcmpSays.ParameterProblem, false) => (4, 0),
        _ => throw new InvalidOperationException($"{Says} has no number"),
    };
}
