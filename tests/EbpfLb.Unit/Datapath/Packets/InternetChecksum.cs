using System.Buffers.Binary;
using System.Net;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>
/// The internet checksum as RFC 1071 defines it: the one's complement of the one's complement sum of all 16-bit
/// words, an odd last byte padded with zero. Summed over every byte each time; nothing is updated in steps.
/// </summary>
static class InternetChecksum
{
    /// <summary>The checksum to write, where the field itself was zero while summing.</summary>
    public static ushort Compute(ReadOnlySpan<byte> bytes) => (ushort)~Sum(bytes);

    /// <summary>The folded sum, on top of another, which is 0xffff over all that a right checksum covers.</summary>
    public static ushort Sum(ReadOnlySpan<byte> bytes, ushort initial = 0) => Fold(initial + Words(bytes));

    /// <summary>The folded sum of a pseudo header alone (RFC 768; RFC 9293, 3.1; RFC 8200, 8.1).</summary>
    public static ushort PseudoHeaderSum(IPAddress source, IPAddress destination, byte protocol, int length)
    {
        Span<byte> rest = stackalloc byte[8];
        BinaryPrimitives.WriteInt32BigEndian(rest, length);
        rest[7] = protocol;
        return Fold(Words(source.GetAddressBytes()) + Words(destination.GetAddressBytes()) + Words(rest));
    }

    static ulong Words(ReadOnlySpan<byte> bytes)
    {
        var sum = 0ul;
        for (; bytes.Length >= 2; bytes = bytes[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return bytes.IsEmpty ? sum : sum + (ulong)(bytes[0] << 8);
    }

    static ushort Fold(ulong sum)
    {
        while (sum > 0xffff)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)sum;
    }
}
