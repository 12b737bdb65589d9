using System.Buffers.Binary;
using System.Net;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>A UDP datagram (RFC 768).</summary>
sealed record UdpPacket(IPEndPoint Source, IPEndPoint Destination) : Packet(Source, Destination)
{
    public const byte ProtocolNumber = 17;
    public const int MinLength = 8;

    public int? ClaimedLength { get; init; }

    public override byte Protocol => ProtocolNumber;

    protected override int HeaderLength => MinLength;
    protected override int? ChecksumOffset => 6;
    protected override int CoveredLength => Math.Clamp(ClaimedLength ?? int.MaxValue, MinLength, base.CoveredLength);

    /// <summary>A computed zero is sent as its other form, because zero says "not computed".</summary>
    protected override ushort Sent(ushort checksum) => checksum == 0 ? (ushort)0xffff : checksum;

    protected override void WriteHeader(Span<byte> header)
    {
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)Source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)Destination.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)(ClaimedLength ?? MinLength + Payload.Length));
    }
}
