using System.Collections.Concurrent;

namespace EbpfLb.Providers.Containers;

/// <summary>What is known of the departures from each engine: a configuration may name another one than the last did.</summary>
sealed class DeparturesByEngine
{
    readonly ConcurrentDictionary<string, Departures> _known = new();

    /// <param name="endpoint">Of the engine.</param>
    public Departures Of(string endpoint) => _known.GetOrAdd(endpoint, _ => new());
}
