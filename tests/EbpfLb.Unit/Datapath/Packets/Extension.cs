using System.Buffers.Binary;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>An IPv6 extension header: its number, and its bytes, whose first one is filled in: it names the next.</summary>
sealed record Extension(byte Number, byte[] Bytes)
{
    public const byte HopByHopNumber = 0;
    public const byte RoutingNumber = 43;
    public const byte FragmentNumber = 44;
    public const byte AuthenticationNumber = 51;
    public const byte DestinationOptionsNumber = 60;

    /// <summary>Padding options (RFC 8200, 4.2 and 4.3) that fill so many bytes, a multiple of eight.</summary>
    public static Extension HopByHop(int length = 8) => new(HopByHopNumber, Padding(length));

    /// <summary>The length of a packet whose header says 0 (RFC 2675, 2), as the kernel writes it for BIG TCP.</summary>
    public static Extension Jumbo(int length)
    {
        byte[] bytes = [0, 0, 0xc2, 4, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), length);
        return new(HopByHopNumber, bytes);
    }

    /// <inheritdoc cref="HopByHop"/>
    public static Extension DestinationOptions(int length = 8) => new(DestinationOptionsNumber, Padding(length));

    /// <summary>A routing header (RFC 8200, 4.4), whose segments have all been visited unless it says otherwise.</summary>
    public static Extension Routing(int length = 24, byte segmentsLeft = 0) =>
        new(RoutingNumber, [0, (byte)(length / 8 - 1), 4, segmentsLeft, .. new byte[length - 4]]);

    /// <summary>An authentication header (RFC 4302, 2), which counts its length in words less two.</summary>
    public static Extension Authentication(int length = 24) =>
        new(AuthenticationNumber, [0, (byte)(length / 4 - 2), .. new byte[length - 2]]);

    public static Extension Fragment(Piece piece)
    {
        var bytes = new byte[Ip6Header.FragmentLength];
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)(piece.Offset | (piece.More ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), piece.Id);
        return new(FragmentNumber, bytes);
    }

    /// <summary>Options of one zero byte each, which mean nothing.</summary>
    static byte[] Padding(int length) => [0, (byte)(length / 8 - 1), .. new byte[length - 2]];
}
