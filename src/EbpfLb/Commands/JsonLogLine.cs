using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace EbpfLb.Commands;

/// <summary>
/// Formats a log message as one JSON object on a line: time, level, event, message, then the message's values. The library's
/// own formatter writes a number for the event and escapes for HTML.
/// </summary>
sealed class JsonLogLine(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "json-line";

    const string Template = "{OriginalFormat}";
    const string MethodPrefix = "Log"; // LoggerMessage methods are named LogBackendDown and the like

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var entry = logEntry;
        textWriter.WriteLine(JsonText.Write(json => Write(json, entry)));
    }

    void Write<TState>(Utf8JsonWriter json, in LogEntry<TState> entry)
    {
        json.WriteStartObject();
        json.WriteString("time", time.GetUtcNow().UtcDateTime);
        json.WriteString("level", entry.LogLevel.ToString().ToLowerInvariant());
        if (entry.EventId.Name is { } name)
            json.WriteString("event", name.StartsWith(MethodPrefix, StringComparison.Ordinal) ? name[MethodPrefix.Length..] : name);
        json.WriteString("message", entry.Formatter(entry.State, entry.Exception));
        if (entry.Exception is { } exception)
            json.WriteString("exception", $"{exception}");
        if (entry.State is IReadOnlyList<KeyValuePair<string, object?>> values)
            foreach (var (key, value) in values.Where(value => value.Key != Template))
                json.WriteString(JsonNamingPolicy.CamelCase.ConvertName(key), $"{value}");
        json.WriteEndObject();
    }
}
