using System.Collections.Concurrent;

namespace EbpfLb.Providers.Containers;

/// <summary>The terminating containers of each engine: a new configuration may name another engine.</summary>
sealed class TerminatingContainersByEngine
{
    readonly ConcurrentDictionary<string, TerminatingContainers> _known = new();

    /// <param name="endpoint">The engine's.</param>
    public TerminatingContainers ForEngine(string endpoint) => _known.GetOrAdd(endpoint, _ => new());
}
