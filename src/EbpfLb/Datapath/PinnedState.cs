using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>Adopts an ended process's pinned tables: flows, counters and round-robin positions continue.</summary>
static class PinnedState
{
    const string ReplaceRemedy = "run it with --replace to start anew, which breaks its connections";

    /// <summary>Opens the tables of an ended process for one with the same name: the same first interface.</summary>
    /// <param name="formers">The instances attached to the new one's interfaces.</param>
    /// <returns>Null if there are none that can serve.</returns>
    /// <exception cref="LoadBalancerException">They have another layout, or belong to another instance.</exception>
    public static LbTables? TryOpen(IReadOnlyCollection<string> formers, string instance, TableLayout wanted)
    {
        if (formers.FirstOrDefault(former => former != instance) is { } other)
            throw new LoadBalancerException(
                $"an ended ebpf-lb whose first interface is {other} is attached to these interfaces: its connections cannot be "
                + $"taken over while {instance} is the first. Name {other} first, or {ReplaceRemedy}.");
        return TryOpen(instance, wanted);
    }

    /// <summary>Opens the tables of an ended process.</summary>
    /// <returns>
    /// Null if there are none, or an incomplete set: tables are pinned before programs are attached and removed after
    /// they are detached, so an incomplete set forwards nothing.
    /// </returns>
    /// <exception cref="LoadBalancerException">They have another layout.</exception>
    public static LbTables? TryOpen(string instance, TableLayout wanted)
    {
        var directory = Instance.Directory(instance);
        if (!File.Exists(Path.Combine(directory, "instance")))
            return null;
        var self = Instance.ReadHeader<LbInstance>(directory);
        if (self.AbiVersion != Limits.AbiVersion)
            throw LayoutMismatch(instance, $"they are of ABI version {self.AbiVersion}, this build's of {Limits.AbiVersion}");
        var isSame = self.Layout == wanted.Digest;
        // Another build may have fewer tables: a missing pin means an incomplete set only if the layouts are equal.
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
        // A flow has two entries.
        var (things, setting, entries) = name == "flows" ? ("flows", "--flows, or flows: in the file", 2u)
            : TableSizes.ServiceMaps.Contains(name) ? ("services", "--max-services", 1u)
            : TableSizes.BackendMaps.Contains(name) ? ("backends", "--max-backends", 1u)
            : default;
        if (things is not null && held == wanted with { MaxEntries = held.MaxEntries })
            throw new LoadBalancerException(
                $"the tables attached to {instance} have room for {held.MaxEntries / entries} {things}, and {wanted.MaxEntries / entries} are "
                + $"configured: a table in use cannot be resized. Configure {held.MaxEntries / entries} ({setting}), or {ReplaceRemedy}.");
        throw LayoutMismatch(instance, $"map {name} is {Describe(held)} there and {Describe(wanted)} here");
    }

    static LoadBalancerException LayoutMismatch(string instance, string difference) => new(
        $"the tables attached to {instance} are of another build ({difference}): their connections cannot "
        + $"be taken over. Run that build, or {ReplaceRemedy}.");

    static string Describe(BpfMapLayout layout) =>
        $"of type {layout.Type} with {layout.MaxEntries} entries of {layout.KeySize} and {layout.ValueSize} bytes"
        + (layout.Flags == 0 ? "" : $" and flags {layout.Flags:x}");
}
