using System.Buffers.Binary;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>A card that finishes the checksums that were left to it.</summary>
static class Hardware
{
    /// <summary>
    /// The frame as it is on the wire, where the kernel has left the checksum of a packet to hardware and that has
    /// become a quote meanwhile: where it begins and where its checksum stands is told apart from the frame's headers.
    /// </summary>
    /// <param name="error">The error that quotes.</param>
    /// <param name="quoted">The packet, as it came.</param>
    public static Frame FinishQuote(Frame error, Frame quoted)
    {
        var bytes = error.Bytes.ToArray();
        var start = error.SegmentOffset + IcmpError.HeaderLengthOfBoth + quoted.SegmentOffset - Packet.EthernetLength;
        var checksum = InternetChecksum.Compute(bytes.AsSpan(start..(Packet.EthernetLength + error.Ip!.PacketLength)));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(start + quoted.L4ChecksumOffset), checksum);
        return new(bytes);
    }
}
