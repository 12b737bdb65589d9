using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>Reads all instances of this network namespace.</summary>
static class AllInstances
{
    /// <summary>
    /// Reads instances one after the other. An instance of another version, one that is just being pinned or removed,
    /// or one whose pins are not visible here is an error in the result.
    /// </summary>
    /// <param name="read">Reads one instance, and disposes of its tables when it has finished.</param>
    public static (IReadOnlyList<T> Read, IReadOnlyList<string> Errors) Read<T>(Func<string, LbTables, T> read)
    {
        var instances = Instance.All();
        var (all, errors) = BestEffort.Run(instances, instance => read(instance, Instance.OpenTables(instance)));
        if (errors.Count == 0 && WithoutVisiblePins(instances) is { Length: > 0 } unseen)
            errors.Add(
                $"ebpf-lb runs on {string.Join(", ", unseen)}, but its pins are not here: it is about to start or to end, or was "
                + "started where another bpf file system is mounted, as in a container or by `ip netns exec`. Run this command there: "
                + $"{Remedies.EnterNamespaces}.");
        return (all, errors);
    }

    /// <summary>Interfaces with a running balancer that belong to none of these instances.</summary>
    static string[] WithoutVisiblePins(IReadOnlyList<string> instances)
    {
        var held = InstanceLock.HeldInterfaces();
        return held.Count == 0
            ? []
            : [.. held.Except(instances.SelectMany(instance => Instance.InterfacesOf(instance).Values.Prepend(instance))).Order()];
    }
}
