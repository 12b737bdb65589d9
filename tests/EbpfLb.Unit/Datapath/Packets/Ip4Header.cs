using System.Buffers.Binary;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>The control flags beside IPv4's fragment offset.</summary>
[Flags]
public enum Ip4Control : ushort
{
    None = 0,
    MoreFragments = 0x2000,
    DontFragment = 0x4000,
    Reserved = 0x8000,
}

/// <summary>An IPv4 header on the wire (RFC 791, 3.1).</summary>
static class Ip4Header
{
    public const int MinLength = 20;

    public static int Length(Packet packet) => MinLength + packet.IpOptions.Length;

    public static void Write(Packet packet, Span<byte> header)
    {
        header[0] = (byte)((packet.ClaimedVersion ?? 4) << 4 | (packet.ClaimedIpHeaderWords ?? header.Length / 4));
        header[1] = packet.TypeOfService;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(packet.ClaimedIpLength ?? packet.IpLength));
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)(packet.Piece?.Id ?? packet.Identification));
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], FlagsAndOffset(packet));
        header[8] = packet.Ttl;
        header[9] = packet.ClaimedProtocol ?? packet.Protocol;
        packet.Source.Address.TryWriteBytes(header[12..], out _);
        packet.Destination.Address.TryWriteBytes(header[16..], out _);
        packet.IpOptions.CopyTo(header[MinLength..]);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Compute(header));
    }

    static ushort FlagsAndOffset(Packet packet) => packet.Piece is { } piece
        ? (ushort)((piece.More ? (int)Ip4Control.MoreFragments : 0) | piece.Offset / 8)
        : (ushort)packet.Flags4;
}
