using System.Collections.Concurrent;

namespace EbpfLb.Providers.Containers;

/// <summary>What is known of the terminating from each engine: a configuration may name another one than the last did.</summary>
sealed class TerminatingContainersByEngine
{
    readonly ConcurrentDictionary<string, TerminatingContainers> _known = new();

    /// <param name="endpoint">Of the engine.</param>
    public TerminatingContainers ForEngine(string endpoint) => _known.GetOrAdd(endpoint, _ => new());
}
