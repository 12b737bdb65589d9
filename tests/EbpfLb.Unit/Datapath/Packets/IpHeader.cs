using System.Buffers.Binary;
using System.Net;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>
/// An IP header as it came, with IPv4's options or IPv6's extension headers, read without trust; its bytes are there.
/// </summary>
/// <param name="Bytes">All of the header.</param>
/// <param name="Protocol">Of what follows it.</param>
/// <param name="PacketLength">Of the IP packet, as the header claims.</param>
/// <param name="Fragment">The fragment's place; null for a whole packet.</param>
sealed record IpHeader(byte[] Bytes, byte Protocol, int PacketLength, Piece? Fragment)
{
    public bool IsIp4 => Bytes[0] >> 4 == 4;
    public byte TypeOfService => (byte)(BinaryPrimitives.ReadUInt16BigEndian(Bytes) >> (IsIp4 ? 0 : 4));
    public byte Ttl => Bytes[IsIp4 ? 8 : 7];
    public IPAddress Source => new(IsIp4 ? Bytes[12..16] : Bytes[8..24]);
    public IPAddress Destination => new(IsIp4 ? Bytes[16..20] : Bytes[24..40]);

    /// <summary>Where the id of a fragment stands: IPv4's in the header, IPv6's in its last fragment header.</summary>
    public int IdOffset { get; private init; } = 4;

    /// <summary>IPv6 has none to be wrong.</summary>
    public bool ChecksumIsRight => !IsIp4 || InternetChecksum.Sum(Bytes) == 0xffff;

    /// <summary>The header that these bytes begin with; null where it does not fit, or is none of this IP version.</summary>
    public static IpHeader? Read(ReadOnlySpan<byte> bytes, bool ip4)
    {
        if (bytes.IsEmpty || bytes[0] >> 4 != (ip4 ? 4 : 6))
            return null;
        return ip4 ? Read4(bytes) : Read6(bytes);
    }

    static IpHeader? Read4(ReadOnlySpan<byte> bytes)
    {
        var length = (bytes[0] & 0xf) * 4;
        if (length < Ip4Header.MinLength || length > bytes.Length)
            return null;
        var field = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        var piece = new Piece(
            BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]),
            (field & 0x1fff) * 8,
            (field & (ushort)Ip4Control.MoreFragments) != 0);
        return new(
            bytes[..length].ToArray(),
            bytes[9],
            BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            piece.More || piece.Offset != 0 ? piece : null);
    }

    static IpHeader? Read6(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Ip6Header.MinLength)
            return null;
        var next = bytes[6];
        var length = Ip6Header.MinLength;
        Piece? piece = null;
        var idOffset = 0;
        while (SizeOfExtension(next, bytes[length..]) is { } size && piece is not { Offset: > 0 })
        {
            if (length + size > bytes.Length)
                return null;
            if (next == Extension.FragmentNumber)
                (piece, idOffset) = (ReadPiece(bytes[length..]) ?? piece, length + 4);
            next = bytes[length];
            length += size;
        }
        var packetLength = Ip6Header.MinLength + BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        return new(bytes[..length].ToArray(), next, packetLength, piece) { IdOffset = idOffset };
    }

    /// <summary>Null for what is no extension header. One that is cut off has the least size that one can have.</summary>
    static int? SizeOfExtension(byte number, ReadOnlySpan<byte> bytes)
    {
        var units = bytes.Length < 2 ? 0 : bytes[1];
        return number switch
        {
            Extension.HopByHopNumber => 8 * (units + 1),
            Extension.RoutingNumber => 8 * (units + 1),
            Extension.DestinationOptionsNumber => 8 * (units + 1),
            Extension.AuthenticationNumber => 4 * (units + 2),
            Extension.FragmentNumber => Ip6Header.FragmentLength,
            _ => null,
        };
    }

    /// <summary>Null for an atomic fragment, which is a whole packet (RFC 6946).</summary>
    static Piece? ReadPiece(ReadOnlySpan<byte> header)
    {
        var field = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        var piece = new Piece(
            BinaryPrimitives.ReadUInt32BigEndian(header[4..]), field & 0xfff8, (field & 1) != 0);
        return piece.More || piece.Offset != 0 ? piece : null;
    }
}
