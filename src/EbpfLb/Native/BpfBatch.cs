using System.Buffers;

namespace EbpfLb.Native;

/// <summary>Reads a map in batches: one system call for many entries (kernel 5.6).</summary>
static unsafe class BpfBatch
{
    const int Size = 1024;

    public delegate void Visit<TKey, TValue>(in TKey key, in TValue value);

    /// <summary>Visits each entry. Entries that are added or removed meanwhile may be missed or seen.</summary>
    /// <param name="map">A hash map or an array.</param>
    /// <param name="max">How many entries; of an array, the first ones.</param>
    public static void ForEach<TKey, TValue>(
        this BpfMap<TKey, TValue> map, Visit<TKey, TValue> visit, uint max = uint.MaxValue)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        // Pooled: the arrays are large objects, and collections run every few seconds.
        var keys = ArrayPool<TKey>.Shared.Rent(Size);
        var values = ArrayPool<TValue>.Shared.Rent(Size);
        try
        {
            ForEach(map, visit, max, keys, values);
        }
        finally
        {
            ArrayPool<TKey>.Shared.Return(keys);
            ArrayPool<TValue>.Shared.Return(values);
        }
    }

    static void ForEach<TKey, TValue>(
        BpfMap<TKey, TValue> map, Visit<TKey, TValue> visit, uint max, TKey[] keys, TValue[] values)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        ulong cursor = 0;
        var begun = false;
        for (var more = max > 0; more; begun = true)
        {
            var count = Read(map, begun, Math.Min(max, Size), ref cursor, keys, values, out more);
            for (var i = 0; i < count; i++)
                visit(in keys[i], in values[i]);
            max -= count;
            more &= max > 0;
        }
    }

    static uint Read<TKey, TValue>(
        BpfMap<TKey, TValue> map, bool begun, uint count, ref ulong cursor, TKey[] keys, TValue[] values, out bool more)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        fixed (TKey* k = keys)
        fixed (TValue* v = values)
        fixed (ulong* next = &cursor)
        {
            var result = LibBpf.bpf_map_lookup_batch(map.Fd.Number, begun ? next : null, next, k, v, &count, null);
            more = result == 0;
            // ENOENT is the end of the map; the last batch comes with it.
            if (!more && result != -Errno.ENOENT)
                throw new NativeException($"reading map {map.Name} in batches", -result);
        }
        return count;
    }
}
