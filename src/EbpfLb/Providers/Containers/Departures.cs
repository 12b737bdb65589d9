namespace EbpfLb.Providers.Containers;

/// <summary>
/// Containers that were told to stop. They may serve on for a while, and the engine still lists them, but they are to
/// get no new flow; one that is started again is.
/// </summary>
sealed class Departures
{
    readonly HashSet<string> _leaving = [];

    public bool Contains(string id) => _leaving.Contains(id);

    /// <summary>Forgets all: the engine is about to tell it again.</summary>
    public void Clear() => _leaving.Clear();

    /// <summary>Takes an event into account.</summary>
    /// <param name="happened">Any.</param>
    /// <param name="stopSignal">Asks by which signal the container of an id is stopped; null where nobody knows it.</param>
    public async Task NoteAsync(EngineEvent happened, Func<string, Task<int?>> stopSignal)
    {
        if (happened is not { Type: EngineEvent.Container, Id: { } id } || !Container.IsId(id))
            return;
        if (happened.Action == EngineEvent.Start)
            _leaving.Remove(id);
        else if (happened.Action == EngineEvent.Kill && await IsStopAsync(StopSignal.Number(happened.Attributes.GetValueOrDefault("signal")), id, stopSignal))
            _leaving.Add(id);
    }

    /// <summary>The signals that end a process unless it objects need no question; others may be mere messages to it.</summary>
    static async Task<bool> IsStopAsync(int signal, string id, Func<string, Task<int?>> stopSignal) =>
        signal is StopSignal.Kill or StopSignal.Terminate || await stopSignal(id) == signal;
}
