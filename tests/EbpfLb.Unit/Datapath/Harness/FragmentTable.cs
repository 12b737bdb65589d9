using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>The ports of fragmented packets, which the datapath keeps to itself (<c>bpf/frag.h</c>).</summary>
static class FragmentTable
{
    public static void Clear(LbTables tables)
    {
        var fragments = Open(tables);
        foreach (var key in fragments.Keys())
            fragments.Remove(key);
    }

    /// <summary>As if that long had passed since each was noted.</summary>
    public static void Age(LbTables tables, TimeSpan time)
    {
        var fragments = Open(tables);
        foreach (var key in fragments.Keys())
        {
            if (fragments.TryGet(key, out var ports))
                fragments.Set(key, ports with { TrackedNs = ports.TrackedNs - (ulong)time.TotalNanoseconds });
        }
    }

    static BpfMap<Key, Ports> Open(LbTables tables) => new(tables.Fragments, "fragments");

    record struct Key(LbAddress Source, LbAddress Destination, uint Id, uint Protocol);

    record struct Ports(ulong TrackedNs, uint SnatId, BigEndianPort Source, BigEndianPort Destination, ulong Protocol);
}
