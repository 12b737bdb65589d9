using System.Collections.Concurrent;

namespace EbpfLb.Providers.Containers;

/// <summary>
/// The containers that were sent their stop signal. They may still serve and the engine still lists them, but they take no new
/// flow until they are started again.
/// </summary>
/// <remarks>
/// Lists do not have this and engines remember few events, so it outlives connections and configurations. Events may
/// be repeated in any order: the latest by the engine's clock counts.
/// </remarks>
sealed class TerminatingContainers
{
    readonly Lock _lock = new();
    readonly Dictionary<string, (DateTimeOffset At, bool IsTerminating, int Number)> _records = [];
    int _count;

    /// <summary>Grows with each recorded event.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    public bool Contains(string id)
    {
        lock (_lock)
            return _records.TryGetValue(id, out var record) && record.IsTerminating;
    }

    /// <param name="inspect">Returns a container's details by id, or null.</param>
    public async Task ObserveAsync(EngineEvent happened, Func<string, Task<ContainerDetails?>> inspect)
    {
        if (happened is not { Type: EngineEvent.Container, Id: { } id } || !Container.IsId(id) || IsOutdated(id, happened.At))
            return;
        if (happened.Action == EngineEvent.Start)
            Record(id, happened.At, isTerminating: false);
        else if (happened.Action == EngineEvent.Kill
            && await IsStopAsync(StopSignal.Number(happened.Attributes.GetValueOrDefault("signal")), id, inspect))
            Record(id, happened.At, isTerminating: true);
    }

    /// <summary>Removes containers that do not run: only a start brings one back.</summary>
    /// <param name="before">The <see cref="Count"/> before the list was requested: later records are kept.</param>
    public void Prune(IEnumerable<string> running, int before)
    {
        var kept = running.ToHashSet();
        lock (_lock)
        {
            foreach (var (id, _) in _records.Where(known => known.Value.Number <= before && !kept.Contains(known.Key)).ToArray())
                _records.Remove(id);
        }
    }

    /// <summary>Verifies terminating containers: one may have been started again without an event.</summary>
    /// <param name="inspect">Returns a container's details by id, or null.</param>
    public async Task VerifyAsync(Func<string, Task<ContainerDetails?>> inspect)
    {
        string[] terminating;
        lock (_lock)
            terminating = [.. _records.Where(known => known.Value.IsTerminating).Select(known => known.Key)];
        foreach (var id in terminating)
        {
            if ((await inspect(id))?.StartedAt is { } startedAt)
                Record(id, startedAt, isTerminating: false);
        }
    }

    bool IsOutdated(string id, DateTimeOffset at)
    {
        lock (_lock)
            return _records.TryGetValue(id, out var record) && record.At > at;
    }

    /// <summary>Ignored if a later event came meanwhile.</summary>
    void Record(string id, DateTimeOffset at, bool isTerminating)
    {
        lock (_lock)
        {
            if (!_records.TryGetValue(id, out var record) || record.At <= at)
                _records[id] = (at, isTerminating, ++_count);
        }
    }

    /// <summary>SIGKILL and SIGTERM stop; another signal does if the container's configuration says so.</summary>
    static async Task<bool> IsStopAsync(int signal, string id, Func<string, Task<ContainerDetails?>> inspect) =>
        signal is StopSignal.Kill or StopSignal.Terminate || (await inspect(id))?.StopSignal == signal;
}

/// <summary>The terminating containers of each engine: a new configuration may name another engine.</summary>
sealed class TerminatingContainersByEngine
{
    readonly ConcurrentDictionary<string, TerminatingContainers> _known = new();

    public TerminatingContainers ForEngine(string endpoint) => _known.GetOrAdd(endpoint, _ => new());
}
