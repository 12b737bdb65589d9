using Microsoft.Extensions.Logging;

namespace EbpfLb.Unit;

/// <summary>Keeps what was logged to it, from whatever threads.</summary>
sealed class Journal<T> : ILogger<T>
{
    readonly List<(LogLevel Level, string Text)> _entries = [];

    public IReadOnlyList<(LogLevel Level, string Text)> Entries
    {
        get
        {
            lock (_entries)
                return [.. _entries];
        }
    }

    /// <summary>The entries, each with its level before it: <c>Warning: words</c>.</summary>
    public string[] Lines => [.. Entries.Select(entry => $"{entry.Level}: {entry.Text}")];

    void ILogger.Log<TState>(
        LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> format)
    {
        lock (_entries)
            _entries.Add((level, format(state, exception)));
    }

    bool ILogger.IsEnabled(LogLevel level) => true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;
}
