using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>Taking over the tables that an ended process left pinned: its flows, counters and turns go on in them.</summary>
static class PinnedState
{
    const string ReplaceRemedy = "run it with --replace to start anew, which breaks its connections";

    /// <summary>
    /// The tables of an instance whose process has ended, for a process of the same name: one whose first interface is the
    /// same.
    /// </summary>
    /// <param name="formers">The instances that stand on the interfaces of the new one.</param>
    /// <param name="instance">The new one's name.</param>
    /// <param name="wanted">How it needs them.</param>
    /// <returns>Null where there are none; none of the former ones serves anybody then.</returns>
    /// <exception cref="LoadBalancerException">They are laid out differently, or another's.</exception>
    public static LbTables? TryOpen(IReadOnlyCollection<string> formers, string instance, TableLayout wanted)
    {
        if (formers.FirstOrDefault(former => former != instance) is { } other)
            throw new LoadBalancerException(
                $"what was attached with {other} as the first interface stands on interfaces that are to be {instance}'s: its "
                + $"connections cannot be taken over. Name {other} first, or {ReplaceRemedy}.");
        return TryOpen(instance, wanted);
    }

    /// <summary>The tables of an instance whose process has ended.</summary>
    /// <param name="instance">Its name.</param>
    /// <param name="wanted">How this process needs them.</param>
    /// <returns>
    /// Null where there are none, or not all of them: they are pinned before anything is attached, that which says how
    /// they are laid out as the last of them, and go after it was detached, so that an incomplete set serves nobody.
    /// </returns>
    /// <exception cref="LoadBalancerException">They are laid out differently.</exception>
    public static LbTables? TryOpen(string instance, TableLayout wanted)
    {
        var directory = Instance.Directory(instance);
        if (!File.Exists(Path.Combine(directory, "instance")))
            return null;
        var self = Instance.ReadHeader<LbInstance>(directory);
        if (self.AbiVersion != Limits.AbiVersion)
            throw LayoutMismatch(instance, $"they are of ABI version {self.AbiVersion}, this build's of {Limits.AbiVersion}");
        var isSame = self.Layout == wanted.Digest;
        // Another build may do without a table, and live: what this one misses says that it is torn only where all are the same.
        if (LbTables.Names.FirstOrDefault(name => !File.Exists(Path.Combine(directory, name))) is { } missing)
            return isSame ? null : throw LayoutMismatch(instance, $"map {missing} is not among them");
        foreach (var name in LbTables.Names)
            RequireLayout(instance, directory, name, wanted.Maps[name]);
        return isSame ? LbTables.OpenPins(directory) : throw LayoutMismatch(instance, "a type in them differs");
    }

    static void RequireLayout(string instance, string directory, string name, BpfMapLayout wanted)
    {
        using var fd = Fd.OpenPin(Path.Combine(directory, name));
        var held = BpfMapLayout.Read(fd, name);
        if (held == wanted)
            return;
        if (name == "flows" && held == wanted with { MaxEntries = held.MaxEntries })
            throw new LoadBalancerException(
                $"what is attached to {instance} has room for {held.MaxEntries / 2} flows, and {wanted.MaxEntries / 2} are "
                + $"asked for: a table in use neither grows nor shrinks. Ask for {held.MaxEntries / 2} (--flows, or flows: in "
                + $"the file), or {ReplaceRemedy}.");
        throw LayoutMismatch(instance, $"map {name} is {Describe(held)} there and {Describe(wanted)} here");
    }

    static LoadBalancerException LayoutMismatch(string instance, string difference) => new(
        $"what is attached to {instance} was attached by a build with other tables ({difference}): its connections cannot "
        + $"be taken over. Run that build, or {ReplaceRemedy}.");

    static string Describe(BpfMapLayout layout) =>
        $"of type {layout.Type} with {layout.MaxEntries} entries of {layout.KeySize} and {layout.ValueSize} bytes"
        + (layout.Flags == 0 ? "" : $" and flags {layout.Flags:x}");
}
