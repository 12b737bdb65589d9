namespace EbpfLb.Native;

/// <summary>Reads a map that another version may have made.</summary>
static unsafe class BpfMapHeader
{
    /// <summary>The first bytes of the value under key 0 of an array.</summary>
    public static T ReadFirst<T>(this Fd map)
        where T : unmanaged => Read<T>(map, key: 0);

    /// <summary>The first bytes of each value, by keys of four bytes.</summary>
    public static IReadOnlyDictionary<uint, T> ReadAll<T>(this Fd map)
        where T : unmanaged
    {
        var heads = new Dictionary<uint, T>();
        uint previous, next;
        for (var at = (uint*)null; LibBpf.bpf_map_get_next_key(map.Number, at, &next) == 0; at = &previous)
        {
            heads[next] = Read<T>(map, next);
            previous = next;
        }
        return heads;
    }

    static T Read<T>(Fd map, uint key)
        where T : unmanaged
    {
        var value = new byte[Math.Max(BpfMapLayout.Read(map, "of another version").ValueSize, sizeof(T))];
        fixed (byte* bytes = value)
            Check.NegativeErrno(LibBpf.bpf_map_lookup_elem(map.Number, &key, bytes), "reading a value of a map");
        return MemoryMarshal.Read<T>(value);
    }
}
