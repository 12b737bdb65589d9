using EbpfLb.Tables;

namespace EbpfLb.Instances;

/// <summary>Reads all instances for those who show them.</summary>
static class EveryInstance
{
    /// <summary>
    /// Reads one after the other. One that cannot be read, as it is another version's or is just being pinned or removed,
    /// is a fault among the others.
    /// </summary>
    /// <param name="read">Reads from an instance of that name, and disposes of its tables when it likes.</param>
    public static (IReadOnlyList<T> Read, IReadOnlyList<string> Faults) Read<T>(Func<string, LbTables, T> read)
    {
        var (all, faults) = (new List<T>(), new List<string>());
        foreach (var instance in Instance.All())
        {
            try
            {
                all.Add(read(instance, Instance.OpenTables(instance)));
            }
            catch (LoadBalancerException fault)
            {
                faults.Add(fault.Message);
            }
        }
        return (all, faults);
    }
}
