using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// State of ended processes on the interfaces of a new one: tables to adopt, or programs and pins to remove. Locks
/// their other interfaces until disposal.
/// </summary>
sealed partial class StaleInstances : IDisposable
{
    readonly IReadOnlyCollection<string> _instances;
    readonly InstanceLock _held;
    readonly ILogger _logger;

    StaleInstances(
        string name, IReadOnlyCollection<string> instances, InstanceLock held, LbTables? tables, ILogger logger) =>
        (Name, _instances, _held, Tables, _logger) = (name, instances, held, tables, logger);

    public string Name { get; }

    /// <summary>The tables to adopt; null to start with new ones.</summary>
    public LbTables? Tables { get; }

    /// <summary>Looks for state, and changes nothing.</summary>
    /// <param name="interfaces">The new process's interfaces, which it has locked; see <see cref="Instance.NameFor"/>.</param>
    /// <param name="wanted">The layout that it needs; null to start with new tables in any case.</param>
    /// <exception cref="LoadBalancerException">The state cannot be adopted, or a running process uses its interfaces.</exception>
    public static StaleInstances Find(IReadOnlyList<string> interfaces, TableLayout? wanted, ILogger logger)
    {
        var instances = interfaces.Select(Instance.FindOn).OfType<string>().ToHashSet();
        var others = instances.SelectMany(instance => Instance.InterfacesOf(instance).Values.Append(instance));
        var held = InstanceLock.Acquire(others.Except(interfaces));
        try
        {
            var name = Instance.NameFor(interfaces[0]);
            var tables = wanted is null ? null : PinnedState.TryOpen(instances, name, wanted);
            return new(name, [.. instances, name], held, tables, logger);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Detaches and removes everything that is not adopted.</summary>
    public void Remove()
    {
        foreach (var instance in Tables is null ? _instances : [])
        {
            try
            {
                if (Instance.Remove(instance))
                    LogStaleInstanceRemoved(instance);
            }
            catch (PortsStayReservedException error)
            {
                LogStaleInstanceRemoved(instance);
                LogPortsStayReserved(error.Message); // the new datapath must come: the old one is gone
            }
        }
    }

    public void Dispose()
    {
        Tables?.Dispose();
        _held.Dispose();
    }

    [LoggerMessage(LogLevel.Warning, "removed the datapath of an ended ebpf-lb from {Device}")]
    partial void LogStaleInstanceRemoved(string device);

    [LoggerMessage(LogLevel.Warning, "{Failure}")]
    partial void LogPortsStayReserved(string failure);
}
