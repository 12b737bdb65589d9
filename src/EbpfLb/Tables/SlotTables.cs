using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>
/// Every service's slot table: an array map whose element 0 is the number of slots and whose other elements are
/// backend ids. A table is written completely and then published atomically.
/// </summary>
sealed unsafe class SlotTables(BpfMap<uint, uint> outer)
{
    /// <summary>Each table is a file descriptor until it is published, and a process may have only 1024.</summary>
    const int MaxBatch = 256;

    /// <summary>Publishes tables in batches: after each, the kernel waits until no processor uses a former table.</summary>
    public void Publish(IEnumerable<(uint Service, uint[] Slots)> tables)
    {
        foreach (var some in tables.Chunk(MaxBatch))
            PublishBatch(some);
    }

    public void Remove(uint service) => outer.Remove(service);

    void PublishBatch((uint Service, uint[] Slots)[] tables)
    {
        List<Fd> inners = [];
        try
        {
            foreach (var (_, slots) in tables)
                inners.Add(Create([(uint)slots.Length, .. slots]));
            uint[] services = [.. tables.Select(table => table.Service)], maps = [.. inners.Select(inner => (uint)inner.Number)];
            var result = Update(outer.Fd.Number, services, maps);
            if (result != -Errno.ENOTSUPP)
                Check.NegativeErrno(result, $"putting {tables.Length} slot tables in place");
            else // kernels before 5.19
                foreach (var (service, map) in services.Zip(maps))
                    outer.Set(service, map);
        }
        finally
        {
            inners.ForEach(inner => inner.Dispose());
        }
    }

    static Fd Create(uint[] content)
    {
        var options = new bpf_map_create_opts
        {
            sz = (nuint)sizeof(bpf_map_create_opts),
            map_flags = MapTypes.InnerMapFlag,
        };
        var inner = new Fd(Check.NegativeErrno(
            LibBpf.bpf_map_create(MapTypes.Array, "slot_table", sizeof(uint), sizeof(uint), (uint)content.Length, &options),
            $"creating a slot table of {content.Length - 1} slots"));
        Check.NegativeErrno(
            Update(inner.Number, [.. Enumerable.Range(0, content.Length).Select(i => (uint)i)], content),
            "writing a slot table");
        return inner;
    }

    static int Update(int map, uint[] keys, uint[] values)
    {
        var count = (uint)keys.Length;
        fixed (uint* k = keys)
        fixed (uint* v = values)
            return LibBpf.bpf_map_update_batch(map, k, v, &count, null);
    }
}
