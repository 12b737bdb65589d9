namespace EbpfLb.Providers.Containers;

/// <summary>
/// Which containers of an engine were told to stop. They may serve on for a while, and the engine still lists them, but
/// they are to get no new flow; one that is started again is.
/// </summary>
/// <remarks>
/// No listing holds this, and engines remember few events, so it outlives connections and configurations; whoever follows
/// an engine at the moment shares it. Of each container the latest word by the engine's clock counts, however often, and
/// in whatever order, events are told again.
/// </remarks>
sealed class TerminatingContainers
{
    readonly Lock _lock = new();
    readonly Dictionary<string, (DateTimeOffset At, bool IsLeaving, int Number)> _records = [];
    int _count;

    /// <summary>Grows with each word that is noted.</summary>
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
            return _records.TryGetValue(id, out var word) && word.IsLeaving;
    }

    /// <summary>Takes an event into account.</summary>
    /// <param name="happened">Any.</param>
    /// <param name="inspect">Looks a container up by its id; null where nobody knows it.</param>
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

    /// <summary>Forgets containers that do not run: only a start brings one back.</summary>
    /// <param name="running">As they were listed.</param>
    /// <param name="before">The <see cref="Count"/> before the listing was asked for: it says nothing of later words.</param>
    public void Prune(IEnumerable<string> running, int before)
    {
        var kept = running.ToHashSet();
        lock (_lock)
        {
            foreach (var (id, _) in _records.Where(known => known.Value.Number <= before && !kept.Contains(known.Key)).ToArray())
                _records.Remove(id);
        }
    }

    /// <summary>Makes sure of those that are leaving: one may have been started again when nobody listened.</summary>
    /// <param name="inspect">Looks a container up by its id; null where nobody knows it.</param>
    public async Task VerifyAsync(Func<string, Task<ContainerDetails?>> inspect)
    {
        string[] leaving;
        lock (_lock)
            leaving = [.. _records.Where(known => known.Value.IsLeaving).Select(known => known.Key)];
        foreach (var id in leaving)
        {
            if ((await inspect(id))?.StartedAt is { } startedAt)
                Record(id, startedAt, isTerminating: false);
        }
    }

    bool IsOutdated(string id, DateTimeOffset at)
    {
        lock (_lock)
            return _records.TryGetValue(id, out var word) && word.At > at;
    }

    /// <summary>Unless a later word came meanwhile.</summary>
    void Record(string id, DateTimeOffset at, bool isTerminating)
    {
        lock (_lock)
        {
            if (!_records.TryGetValue(id, out var word) || word.At <= at)
                _records[id] = (at, isTerminating, ++_count);
        }
    }

    /// <summary>The signals that end a process unless it objects need no question; others may be mere messages to it.</summary>
    static async Task<bool> IsStopAsync(int signal, string id, Func<string, Task<ContainerDetails?>> inspect) =>
        signal is StopSignal.Kill or StopSignal.Terminate || (await inspect(id))?.StopSignal == signal;
}
