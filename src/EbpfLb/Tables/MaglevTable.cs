using System.Buffers.Binary;
using System.IO.Hashing;

namespace EbpfLb.Tables;

/// <summary>
/// Maglev's lookup table (Eisenbud et al., NSDI 2016, section 3.4). Each backend has a permutation of the slots and
/// claims its next free slot in turn, more often with a larger weight. Adding or removing a backend moves few slots
/// of the others, and every balancer builds the same table.
/// </summary>
static class MaglevTable
{
    /// <summary>A prime, so that every step visits every slot; a hundred times the size of most services.</summary>
    public const int Size = 65537;

    /// <param name="members">Backends with their weights, in any order: endpoints determine the slots.</param>
    public static uint[] Build(IEnumerable<(uint Id, IPEndPoint EndPoint, int Weight)> members)
    {
        var takers = members.Where(member => member.Weight > 0)
            .Select(member => new Taker(member.Id, Hash(member.EndPoint), member.Weight))
            .OrderBy(taker => taker.Hash)
            .ToArray();
        if (takers.Length == 0)
            return [];
        var heaviest = takers.Max(taker => taker.Weight);
        var slots = new uint[Size];
        Array.Fill(slots, uint.MaxValue);
        for (var claimed = 0; claimed < Size;)
        {
            foreach (var taker in takers)
            {
                // Claims a slot whenever its share has grown by one slot of the heaviest backend.
                taker.Credit += taker.Weight;
                if (taker.Credit < heaviest)
                    continue;
                taker.Credit -= heaviest;
                slots[taker.NextFree(slots)] = taker.Id;
                if (++claimed == Size)
                    break;
            }
        }
        return slots;
    }

    static ulong Hash(IPEndPoint endPoint)
    {
        Span<byte> name = stackalloc byte[18];
        endPoint.Address.MapToIPv6().TryWriteBytes(name, out _);
        BinaryPrimitives.WriteUInt16BigEndian(name[16..], (ushort)endPoint.Port);
        return XxHash3.HashToUInt64(name);
    }

    sealed class Taker(uint id, ulong hash, int weight)
    {
        readonly uint _step = (uint)((hash >> 32) % (Size - 1)) + 1;
        uint _position = (uint)(hash & uint.MaxValue) % Size;

        public uint Id => id;

        public ulong Hash => hash;

        public int Weight => weight;

        public int Credit { get; set; }

        public uint NextFree(uint[] slots)
        {
            while (slots[_position] != uint.MaxValue)
                _position = (_position + _step) % Size;
            return _position;
        }
    }
}
