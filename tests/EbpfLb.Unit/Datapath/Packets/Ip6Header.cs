using System.Buffers.Binary;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>An IPv6 header on the wire, with its extension headers (RFC 8200, 3 and 4).</summary>
static class Ip6Header
{
    public const int MinLength = 40;
    public const int FragmentLength = 8;

    public static int Length(Packet packet) =>
        MinLength + AllExtensions(packet).Sum(extension => extension.Bytes.Length);

    public static void Write(Packet packet, Span<byte> header)
    {
        BinaryPrimitives.WriteUInt32BigEndian(
            header, (uint)((packet.ClaimedVersion ?? 6) << 28 | packet.TypeOfService << 20 | packet.FlowLabel));
        BinaryPrimitives.WriteUInt16BigEndian(
            header[4..], (ushort)((packet.ClaimedIpLength ?? packet.IpLength) - MinLength));
        header[7] = packet.Ttl;
        packet.Source.Address.TryWriteBytes(header[8..], out _);
        packet.Destination.Address.TryWriteBytes(header[24..], out _);
        WriteChain(packet, header);
    }

    /// <summary>Each header names the next one: the fixed part at its byte 6, an extension at its first.</summary>
    static void WriteChain(Packet packet, Span<byte> header)
    {
        var naming = 6;
        var at = MinLength;
        foreach (var extension in AllExtensions(packet))
        {
            header[naming] = extension.Number;
            extension.Bytes.CopyTo(header[at..]);
            naming = at;
            at += extension.Bytes.Length;
        }
        header[naming] = packet.ClaimedProtocol ?? packet.Protocol;
    }

    static Extension[] AllExtensions(Packet packet) => packet.Piece is { } piece
        ? [.. packet.Extensions, Extension.Fragment(piece)]
        : packet.Extensions;
}
