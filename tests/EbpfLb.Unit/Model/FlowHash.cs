using System.Buffers.Binary;

namespace EbpfLb.Unit.Model;

/// <summary>MurmurHash3 (32 bits) of a client's tuple, as bpf/hash.h has it.</summary>
static class FlowHash
{
    public static uint Of(Ends ends)
    {
        var hash = 0u;
        Span<byte> address = stackalloc byte[16];
        foreach (var end in new[] { ends.Source, ends.Destination })
        {
            end.Address.MapToIPv6().TryWriteBytes(address, out _);
            for (var i = 0; i < 16; i += 4)
                hash = Add(hash, BinaryPrimitives.ReadUInt32BigEndian(address[i..]));
        }
        hash = Add(hash, (uint)ends.Source.Port << 16 | (uint)ends.Destination.Port);
        return Finish(Add(hash, ends.Protocol));
    }

    static uint Add(uint hash, uint word)
    {
        word = uint.RotateLeft(word * 0xcc9e2d51, 15) * 0x1b873593;
        return (uint.RotateLeft(hash ^ word, 13) * 5) + 0xe6546b64;
    }

    static uint Finish(uint hash)
    {
        hash = (hash ^ hash >> 16) * 0x85ebca6b;
        hash = (hash ^ hash >> 13) * 0xc2b2ae35;
        return hash ^ hash >> 16;
    }
}
