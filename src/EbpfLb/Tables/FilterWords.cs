using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>The bitmap of a packet filter, in words of the map.</summary>
static class FilterWords
{
    public const int BitsInWord = 64;

    /// <summary>Sets bits of a word that are not set yet. There is no lock: one process writes.</summary>
    public static void AddBits(this BpfMap<uint, ulong> words, uint word, ulong bits)
    {
        if (!words.TryGet(word, out var held) || (held & bits) != bits)
            words.Set(word, held | bits);
    }
}
