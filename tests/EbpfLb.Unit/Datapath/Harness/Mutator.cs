using System.Buffers.Binary;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Makes hostile frames of sound ones: bits flipped, bytes and words replaced, tails cut and grown.</summary>
sealed class Mutator(Random random, Packet[] sound)
{
    const int MostMutations = 3;

    /// <summary>The kernel runs tc programs on no frame with a cut IPv4 or IPv6 header (net/bpf/test_run.c).</summary>
    const int Shortest = Packet.EthernetLength + 40;

    static readonly ushort[] Boundaries = [0, 1, 7, 8, 19, 20, 21, 0x7fff, 0x8000, 0xfffe, 0xffff];

    readonly byte[][] _frames = [.. sound.Select(packet => packet.ToFrame())];

    public byte[] Next()
    {
        byte[] frame = [.. _frames[random.Next(_frames.Length)]];
        for (var count = random.Next(MostMutations + 1); count > 0; count--)
            frame = Mutate(frame);
        return frame;
    }

    byte[] Mutate(byte[] frame)
    {
        // Four in five mutations hit the headers, where they matter.
        var at = random.Next(5) == 0 ? random.Next(frame.Length) : random.Next(Math.Min(frame.Length, 60));
        switch (random.Next(6))
        {
            case 0:
                frame[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                frame[at] = (byte)random.Next(256);
                break;
            case 2:
                at = Math.Min(at, frame.Length - sizeof(ushort));
                BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(at), Boundaries[random.Next(Boundaries.Length)]);
                break;
            case 3:
                frame = frame[..Math.Clamp(at, Math.Min(Shortest, frame.Length), frame.Length)];
                break;
            case 4:
                frame = [.. frame, .. Some.Bytes(random.Next(1, 70))];
                break;
            default:
                random.NextBytes(frame.AsSpan(Math.Min(frame.Length, Packet.EthernetLength + random.Next(60))));
                break;
        }
        return frame;
    }
}
