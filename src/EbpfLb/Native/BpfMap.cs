using System.Numerics;

namespace EbpfLb.Native;

/// <summary>A map whose keys and values have the layouts of <typeparamref name="TKey"/> and <typeparamref name="TValue"/>.</summary>
unsafe class BpfMap<TKey, TValue> : IDisposable
    where TKey : unmanaged
    where TValue : unmanaged
{
    readonly bool _perCpu;

    /// <exception cref="BpfMapSizeException">The kernel's map has other sizes.</exception>
    public BpfMap(Fd fd, string name)
    {
        Fd = fd;
        Name = name;
        var layout = BpfMapLayout.Read(fd, name);
        MaxEntries = layout.MaxEntries;
        _perCpu = MapTypes.IsPerCpu(layout.Type);
        if (layout.KeySize != sizeof(TKey) || layout.ValueSize != sizeof(TValue))
            throw new BpfMapSizeException(
                $"map {name} has keys of {layout.KeySize} and values of {layout.ValueSize} bytes, this build expects "
                + $"{sizeof(TKey)} and {sizeof(TValue)}.");
    }

    public string Name { get; }
    public uint MaxEntries { get; }
    public Fd Fd { get; }

    /// <summary>The kernel rounds each processor's value up to eight bytes (kernel/bpf/syscall.c, bpf_map_value_size).</summary>
    static int PerCpuStride => (sizeof(TValue) + 7) & ~7;

    public bool TryGet(TKey key, out TValue value)
    {
        RefusePerCpu();
        fixed (TValue* v = &value)
            return Found(LibBpf.bpf_map_lookup_elem(Fd.Number, &key, v), "reading");
    }

    /// <summary>One value for each possible processor, in their order.</summary>
    public TValue[] GetPerCpu(TKey key)
    {
        var buffer = stackalloc byte[PerCpuStride * MapTypes.PossibleCpus];
        var values = new TValue[MapTypes.PossibleCpus];
        if (!Found(LibBpf.bpf_map_lookup_elem(Fd.Number, &key, buffer), "reading"))
            return values;
        for (var cpu = 0; cpu < values.Length; cpu++)
            values[cpu] = Unsafe.ReadUnaligned<TValue>(buffer + (cpu * PerCpuStride));
        return values;
    }

    public virtual void Set(TKey key, TValue value)
    {
        RefusePerCpu();
        Check.NegativeErrno(LibBpf.bpf_map_update_elem(Fd.Number, &key, &value, 0), $"writing to map {Name}");
    }

    public void ClearPerCpu(TKey key)
    {
        var length = PerCpuStride * MapTypes.PossibleCpus;
        var buffer = stackalloc byte[length];
        Unsafe.InitBlock(buffer, 0, (uint)length);
        Check.NegativeErrno(LibBpf.bpf_map_update_elem(Fd.Number, &key, buffer, 0), $"clearing in map {Name}");
    }

    /// <summary>False if there was no such key.</summary>
    public bool Remove(TKey key) => Found(LibBpf.bpf_map_delete_elem(Fd.Number, &key), "deleting from");

    /// <summary>The current keys. Keys that are added or removed meanwhile may be missed or seen.</summary>
    public IReadOnlyList<TKey> Keys()
    {
        var keys = new List<TKey>();
        TKey previous, next;
        for (var at = (TKey*)null; Found(LibBpf.bpf_map_get_next_key(Fd.Number, at, &next), "walking"); at = &previous)
        {
            keys.Add(next);
            previous = next;
        }
        return keys;
    }

    public void Dispose() => Fd.Dispose();

    bool Found(int result, string doing)
    {
        if (result == -Errno.ENOENT)
            return false;
        // Builds no message unless there is an error: collections call this for every expired flow.
        return result >= 0 ? true : throw new NativeException($"{doing} map {Name}", -result);
    }

    void RefusePerCpu()
    {
        // The kernel would write one value per processor, past the end of a single one.
        if (_perCpu)
            throw new InvalidOperationException($"map {Name} is per-CPU");
    }
}

static class PerCpuCounters
{
    /// <summary>The counters of all possible processors together.</summary>
    public static TValue SumPerCpu<TKey, TValue>(this BpfMap<TKey, TValue> map, TKey key)
        where TKey : unmanaged
        where TValue : unmanaged, IAdditionOperators<TValue, TValue, TValue> =>
        map.GetPerCpu(key).Aggregate((sum, count) => sum + count);
}

/// <summary>The keys or values of a map have other sizes than this build expects.</summary>
sealed class BpfMapSizeException(string message) : LoadBalancerException(message);
