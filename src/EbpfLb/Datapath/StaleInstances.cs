using EbpfLb.Tables;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Datapath;

/// <summary>
/// What ended processes left on the interfaces of a new one: tables to be taken over, or what is to go. While it is held,
/// nobody else starts on the other interfaces that it stands on.
/// </summary>
sealed partial class StaleInstances : IDisposable
{
    readonly IReadOnlyCollection<string> _instances;
    readonly InstanceLock _held;
    readonly ILogger _logger;

    StaleInstances(IReadOnlyCollection<string> instances, InstanceLock held, LbTables? tables, ILogger logger) =>
        (_instances, _held, Tables, _logger) = (instances, held, tables, logger);

    /// <summary>Those to be taken over; null where all is to be begun anew.</summary>
    public LbTables? Tables { get; }

    /// <summary>Looks, and changes nothing.</summary>
    /// <param name="interfaces">The new process's own, which it has locked; the first names its instance.</param>
    /// <param name="wanted">How it needs its tables; null where it is to begin anew in any case.</param>
    /// <param name="logger">Told of what is removed.</param>
    /// <exception cref="LoadBalancerException">They cannot be taken over, or another process runs on what they stand on.</exception>
    public static StaleInstances Find(IReadOnlyList<string> interfaces, TableLayout? wanted, ILogger logger)
    {
        var instances = interfaces.Select(Instance.FindOn).OfType<string>().ToHashSet();
        var others = instances.SelectMany(instance => Instance.InterfacesOf(instance).Values.Append(instance));
        var held = InstanceLock.Acquire(others.Except(interfaces));
        try
        {
            var tables = wanted is null ? null : PinnedState.TryOpen(instances, interfaces[0], wanted);
            return new([.. instances, interfaces[0]], held, tables, logger);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Detaches and removes what is not to be taken over.</summary>
    public void Remove()
    {
        foreach (var instance in Tables is null ? _instances : [])
        {
            if (Instance.Remove(instance))
                LogRemoved(instance);
        }
    }

    public void Dispose()
    {
        Tables?.Dispose();
        _held.Dispose();
    }

    [LoggerMessage(LogLevel.Warning, "removed what an ended ebpf-lb had left on {Device}")]
    partial void LogRemoved(string device);
}
