using System.Runtime.InteropServices;
using EbpfLb.Native;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Reading and writing much of a map in one system call: the model compares maps all the time, and every case empties some.</summary>
static unsafe partial class WholeMaps
{
    /// <summary>An array's first values.</summary>
    public static TValue[] ReadFirst<TValue>(this BpfMap<uint, TValue> map, int count)
        where TValue : unmanaged
    {
        var values = new TValue[count];
        Read(map, values);
        return values;
    }

    /// <summary>A per-CPU array's first values, of all possible processors each.</summary>
    public static TValue[][] ReadFirstPerCpu<TValue>(this BpfMap<uint, TValue> map, int count)
        where TValue : unmanaged
    {
        if (sizeof(TValue) % sizeof(ulong) != 0)
            throw new ArgumentException("the kernel would pad such values");
        var values = new TValue[count * MapTypes.PossibleCpus];
        Read(map, values, (uint)count);
        return [.. values.Chunk(MapTypes.PossibleCpus)];
    }

    /// <summary>Sets an array's first values to zero.</summary>
    public static void ClearFirst<TValue>(this BpfMap<uint, TValue> map, int count)
        where TValue : unmanaged => map.WriteFirst(new TValue[count]);

    /// <summary>Sets a per-CPU array's first values to zero, on every processor.</summary>
    public static void ClearFirstPerCpu<TValue>(this BpfMap<uint, TValue> map, int count)
        where TValue : unmanaged
    {
        if (sizeof(TValue) % sizeof(ulong) != 0)
            throw new ArgumentException("the kernel would pad such values");
        Write(map, new TValue[count * MapTypes.PossibleCpus], count);
    }

    /// <summary>Sets a per-CPU array's value on every processor.</summary>
    public static void SetPerCpu<TValue>(this BpfMap<uint, TValue> map, uint key, TValue value)
        where TValue : unmanaged
    {
        TValue[] values = [.. Enumerable.Repeat(value, MapTypes.PossibleCpus)];
        var count = 1u;
        fixed (TValue* v = values)
        {
            Check.NegativeErrno(
                LibBpf.bpf_map_update_batch(map.Fd.Number, &key, v, &count, null), $"writing to map {map.Name}");
        }
    }

    public static void WriteFirst<TValue>(this BpfMap<uint, TValue> map, TValue[] values)
        where TValue : unmanaged => Write(map, values, values.Length);

    /// <summary>Removes every entry of a hash map that nobody else writes to meanwhile.</summary>
    public static void RemoveAll<TKey, TValue>(this BpfMap<TKey, TValue> map)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        foreach (var key in map.Keys())
            map.Remove(key);
    }

    static void Write<TValue>(BpfMap<uint, TValue> map, TValue[] values, int entries)
        where TValue : unmanaged
    {
        uint[] keys = [.. Enumerable.Range(0, entries).Select(key => (uint)key)];
        var count = (uint)entries;
        fixed (uint* k = keys)
        fixed (TValue* v = values)
        {
            Check.NegativeErrno(
                LibBpf.bpf_map_update_batch(map.Fd.Number, k, v, &count, null), $"writing to map {map.Name}");
        }
    }

    /// <summary>Empties a hash map that holds no more than so many entries, and returns what it held.</summary>
    public static (TKey Key, TValue Value)[] TakeAll<TKey, TValue>(this BpfMap<TKey, TValue> map, int most = 4096)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        var keys = new TKey[most];
        var values = new TValue[most];
        var count = (uint)most;
        ulong cursor;
        fixed (TKey* k = keys)
        fixed (TValue* v = values)
        {
            var result = bpf_map_lookup_and_delete_batch(map.Fd.Number, null, &cursor, k, v, &count, null);
            // ENOENT is the map's end: all of it has been read.
            if (result != -Errno.ENOENT)
                throw new NativeException($"emptying map {map.Name} of at most {most} entries", -result);
        }
        return [.. keys.Take((int)count).Zip(values)];
    }

    static void Read<TValue>(BpfMap<uint, TValue> map, TValue[] values, uint? count = null)
        where TValue : unmanaged
    {
        var read = count ?? (uint)values.Length;
        var keys = new uint[read];
        uint cursor;
        fixed (uint* k = keys)
        fixed (TValue* v = values)
        {
            Check.NegativeErrno(
                LibBpf.bpf_map_lookup_batch(map.Fd.Number, null, &cursor, k, v, &read, null),
                $"reading map {map.Name}");
        }
    }

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_map_lookup_and_delete_batch(
        int fd, void* inBatch, void* outBatch, void* keys, void* values, uint* count, void* options);
}
