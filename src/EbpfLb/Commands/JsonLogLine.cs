using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
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

    static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override void Write<TState>(
        in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", time.GetUtcNow().UtcDateTime);
            json.WriteString("level", logEntry.LogLevel.ToString().ToLowerInvariant());
            if (logEntry.EventId.Name is { } name)
                json.WriteString("event", name.StartsWith(MethodPrefix, StringComparison.Ordinal) ? name[MethodPrefix.Length..] : name);
            json.WriteString("message", logEntry.Formatter(logEntry.State, logEntry.Exception));
            if (logEntry.Exception is { } exception)
                json.WriteString("exception", $"{exception}");
            if (logEntry.State is IReadOnlyList<KeyValuePair<string, object?>> values)
                foreach (var (key, value) in values.Where(value => value.Key != Template))
                    json.WriteString(JsonNamingPolicy.CamelCase.ConvertName(key), $"{value}");
            json.WriteEndObject();
        }
        textWriter.WriteLine(System.Text.Encoding.UTF8.GetString(line.GetBuffer().AsSpan(0, (int)line.Length)));
    }
}
