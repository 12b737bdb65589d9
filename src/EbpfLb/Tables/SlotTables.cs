using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>
/// Every service's slot table. A table is a small array map of its own: element 0 counts the slots, the others
/// name backends. It is written whole and then takes its place in one step, so the datapath never sees half of one.
/// </summary>
sealed unsafe class SlotTables(BpfMap<uint, uint> outer)
{
    public void Publish(uint service, uint[] slots)
    {
        uint[] content = [(uint)slots.Length, .. slots];
        using var inner = Create(content);
        outer.Set(service, (uint)inner.Number);
    }

    public void Remove(uint service) => outer.Remove(service);

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
        var keys = Enumerable.Range(0, content.Length).Select(i => (uint)i).ToArray();
        var count = (uint)content.Length;
        fixed (uint* k = keys)
        fixed (uint* v = content)
            Check.NegativeErrno(LibBpf.bpf_map_update_batch(inner.Number, k, v, &count, null), "writing a slot table");
        return inner;
    }
}
