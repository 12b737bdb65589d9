using System.Reflection;
using EbpfLb.Commands;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Commands;

public sealed partial class LogsAreWrittenAsJson
{
    [Fact]
    public void With_the_events_name_and_values_and_without_html_escapes()
    {
        using var output = new StringWriter { NewLine = "\n" };
        var logger = new Formatted(output);

        LogBackendDown(logger, "10.0.0.2:80", "it's > 3 + 1 \"late\"");

        Assert.Equal(
            """{"time":"2026-11-30T12:00:00Z","level":"warning","event":"BackendDown","message":"backend 10.0.0.2:80 is down: it's > 3 + 1 \"late\"","endPoint":"10.0.0.2:80","reason":"it's > 3 + 1 \"late\""}"""
            + "\n", $"{output}");
    }

    [Fact]
    public void No_value_has_the_name_of_a_member_of_every_entry()
    {
        string[] messages =
        [
            .. from type in typeof(CommandLine).Assembly.GetTypes()
               from method in type.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
               from message in method.GetCustomAttributes<LoggerMessageAttribute>()
               select message.Message,
        ];

        Assert.True(messages.Length > 40, $"{messages.Length} messages");
        Assert.All(messages, message => Assert.DoesNotMatch(@"(?i)\{(time|level|event|message|exception)\}", message));
    }

    [LoggerMessage(LogLevel.Warning, "backend {EndPoint} is down: {Reason}")]
    static partial void LogBackendDown(ILogger logger, string endPoint, string reason);

    sealed class Formatted(TextWriter output) : ILogger
    {
        readonly JsonLogLine _formatter = new(new FakeTimeProvider(new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero)));

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _formatter.Write(new LogEntry<TState>(logLevel, "category", eventId, state, exception, formatter), null, output);
    }
}
