using System.Runtime.CompilerServices;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>The ports that rest after their connections, which the datapath keeps to itself (<c>bpf/snat_rest.h</c>).</summary>
static class RestingPorts
{
    /// <summary><c>RESTING_SHIFT</c>.</summary>
    const int Shift = 28;

    public static void Clear(LbTables tables)
    {
        var sets = Open(tables);
        sets.ForEach((in index, in set) =>
        {
            foreach (var port in set)
            {
                if (port.Tuple == 0)
                    continue;
                sets.Set(index, default);
                break;
            }
        });
    }

    const uint Nobody = uint.MaxValue;
    const uint LongestResting = uint.MaxValue - 1;

    /// <summary>
    /// Has every element rest for a port of nobody's, from now on, and the last one of each set since a second ago. Returns
    /// how many there are.
    /// </summary>
    public static int Fill(LbTables tables)
    {
        var sets = Open(tables);
        var since = (ushort)((ulong)TimeProvider.System.GetTimestamp() >> Shift);
        for (var index = 0u; index < sets.MaxEntries; index++)
        {
            var set = default(Set);
            for (var i = 0; i < Set.Length - 1; i++)
                set[i] = new(Nobody, 0, since);
            set[Set.Length - 1] = new(LongestResting, 0, (ushort)(since - (1_000_000_000 >> Shift)));
            sets.Set(index, set);
        }
        return (int)sets.MaxEntries * Set.Length;
    }

    /// <summary>How many elements have a port, whose rest may be over.</summary>
    public static int Count(LbTables tables) => Count(tables, port => port.Tuple != 0);

    /// <summary>How many of those that <see cref="Fill"/> made the longest resting ones are there.</summary>
    public static int CountLongestResting(LbTables tables) => Count(tables, port => port.Tuple == LongestResting);

    static int Count(LbTables tables, Func<Port, bool> counts)
    {
        var count = 0;
        Open(tables).ForEach((in _, in set) =>
        {
            foreach (var port in set)
                count += counts(port) ? 1 : 0;
        });
        return count;
    }

    /// <summary>As if that long had passed since the rest of each began.</summary>
    public static void Age(LbTables tables, TimeSpan time)
    {
        var sets = Open(tables);
        sets.ForEach((in index, in set) =>
        {
            var aged = set;
            for (var i = 0; i < Set.Length; i++)
            {
                if (aged[i].Tuple == 0)
                    continue;
                aged[i].Since -= (ushort)((ulong)time.TotalNanoseconds >> Shift);
                sets.Set(index, aged);
            }
        });
    }

    static BpfMap<uint, Set> Open(LbTables tables) => new(tables.RestingPorts, "resting_ports");

    record struct Port(uint Tuple, ushort Client, ushort Since);

    [InlineArray(Length)]
    struct Set
    {
        public const int Length = 8;
        Port _first;
    }
}
