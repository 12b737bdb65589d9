using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>Reads all instances for those who show them.</summary>
static class AllInstances
{
    /// <summary>
    /// Reads one after the other. One that cannot be read, as it is another version's or is just being pinned or removed,
    /// is an error among the others, and so is one whose pins are not to be seen from here.
    /// </summary>
    /// <param name="read">Reads from an instance of that name, and disposes of its tables when it likes.</param>
    public static (IReadOnlyList<T> Read, IReadOnlyList<string> Faults) Read<T>(Func<string, LbTables, T> read)
    {
        var (all, errors) = (new List<T>(), new List<string>());
        var instances = Instance.All();
        foreach (var instance in instances)
        {
            try
            {
                all.Add(read(instance, Instance.OpenTables(instance)));
            }
            catch (LoadBalancerException error)
            {
                errors.Add(error.Message);
            }
        }
        if (errors.Count == 0 && WithoutVisiblePins(instances) is { Length: > 0 } unseen)
            errors.Add(
                $"ebpf-lb runs on {string.Join(", ", unseen)}, but its pins are not here: it is about to start or to end, or was "
                + "started where another bpf file system is mounted, as by `ip netns exec`.");
        return (all, errors);
    }

    /// <summary>The interfaces on which a runner is, of an instance that is none of these.</summary>
    static string[] WithoutVisiblePins(IReadOnlyList<string> instances)
    {
        var held = InstanceLock.HeldInterfaces();
        return held.Count == 0
            ? []
            : [.. held.Except(instances.SelectMany(instance => Instance.InterfacesOf(instance).Values.Prepend(instance))).Order()];
    }
}
