using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>What a datapath is loaded with: two with the same are the same once their tables are empty.</summary>
sealed record DatapathKind(HookKind Hook, LbSettings Settings, KernelNeed? TcObject = null)
{
    /// <summary>Whether nothing outlives a case: how much of its limit a program has used up is its own matter.</summary>
    public bool CanBeEmptied => Settings.IcmpPerSecond == 0 && Settings.EventsPerSecond == 0;
}

/// <summary>
/// Datapaths in the kernel. The verifier takes longer over one than most cases do, so each is emptied after a case and
/// lent to the next that wants its kind.
/// </summary>
static class LoadedDatapaths
{
    /// <summary>Each holds some megabytes of the kernel's memory.</summary>
    const int MostIdle = 24;

    static readonly Lock Guard = new();

    /// <summary>Those that nobody has, the longest idle first.</summary>
    static readonly LinkedList<(DatapathKind Kind, LoadedDatapath Datapath, uint SlotTables)> Idle = [];

    /// <summary>
    /// Returns an empty one, which the caller disposes of or hands to <see cref="TakeBack"/>, and the number of services that
    /// still have a slot table of a former case.
    /// </summary>
    public static (LoadedDatapath Datapath, uint SlotTables) Lend(DatapathKind kind) =>
        TakeIdle(kind) ?? (Load(kind.Hook, kind.Settings, kind.TcObject), 0);

    /// <summary>Loads one that stands on both links of the test network.</summary>
    public static LoadedDatapath Load(HookKind hook, LbSettings settings, KernelNeed? tcObject = null)
    {
        var datapath = LoadedDatapath.Load(hook, settings, new(8192), tcObject: tcObject);
        TableReset.StandOnBothLinks(datapath.Tables);
        return datapath;
    }

    /// <summary>Keeps an emptied one for the next case.</summary>
    /// <param name="kind">What it was lent as.</param>
    /// <param name="datapath">The datapath.</param>
    /// <param name="slotTables">How many of the first services may have a slot table.</param>
    public static void TakeBack(DatapathKind kind, LoadedDatapath datapath, uint slotTables)
    {
        if (!kind.CanBeEmptied)
        {
            datapath.Dispose();
            return;
        }
        LoadedDatapath? superfluous = null;
        lock (Guard)
        {
            Idle.AddLast((kind, datapath, slotTables));
            if (Idle.Count > MostIdle)
            {
                superfluous = Idle.First!.Value.Datapath;
                Idle.RemoveFirst();
            }
        }
        superfluous?.Dispose();
    }

    static (LoadedDatapath Datapath, uint SlotTables)? TakeIdle(DatapathKind kind)
    {
        lock (Guard)
        {
            for (var node = Idle.Last; node is not null; node = node.Previous)
            {
                if (node.Value.Kind != kind)
                    continue;
                Idle.Remove(node);
                return (node.Value.Datapath, node.Value.SlotTables);
            }
            return null;
        }
    }
}
