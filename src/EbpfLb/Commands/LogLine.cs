using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace EbpfLb.Commands;

/// <summary>Formats a log message as one line: its level unless it is information, then the text.</summary>
sealed class LogLine() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(
        in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        if (logEntry.LogLevel != LogLevel.Information)
            textWriter.Write($"{logEntry.LogLevel.ToString().ToLowerInvariant()}: ");
        textWriter.WriteLine(logEntry.Formatter(logEntry.State, logEntry.Exception));
        if (logEntry.Exception is { } exception)
            textWriter.WriteLine(exception);
    }
}
