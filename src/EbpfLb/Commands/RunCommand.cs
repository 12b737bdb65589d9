using System.CommandLine;
using EbpfLb.Configuration;
using EbpfLb.Providers.Files;
using EbpfLb.Providers.Flags;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;

namespace EbpfLb.Commands;

/// <summary>Runs a load balancer until it is cancelled. Returns the exit code.</summary>
/// <param name="file">The file to watch for changes; null if flags or a pipe gave the configuration.</param>
/// <param name="loggers">For all output except flow events.</param>
delegate Task<int> RunLoadBalancer(
    LoadBalancerConfiguration configuration, string? file, ILoggerFactory loggers, CancellationToken cancellation);

/// <summary><c>ebpf-lb run</c>: reads the configuration from a file or from flags, and balances.</summary>
sealed partial class RunCommand
{
    readonly Option<string> _config = new("--config")
    {
        Description = "Configuration file, instead of the flags for settings",
        HelpName = "FILE",
    };
    readonly Option[] _settings = [.. SettingOptions.Create(LoadBalancerConfiguration.Settings.All)];
    readonly Option<bool> _replace = new("--replace")
    {
        Description = "Remove what an ended run left, with its connections, instead of taking it over; also with --config",
    };

    public static Command Create(RunLoadBalancer run)
    {
        var options = new RunCommand();
        var command = new Command("run", "Attach to interfaces and balance until SIGINT or SIGTERM, then detach") { options._config };
        foreach (var option in options._settings)
            command.Options.Add(option);
        command.Options.Add(options._replace);
        command.SetAction(async (parsed, cancellation) =>
        {
            var (result, file) = options.Read(parsed);
            if (result.Configuration is not { } configuration)
                return ReportErrors(result, parsed.InvocationConfiguration.Error);
            var isVerbose = parsed.GetValue(CommandLine.Verbose);
            using var loggers = CreateLoggers(isVerbose, configuration.Logs);
            configuration = configuration with { Replace = parsed.GetValue(options._replace) };
            try
            {
                return await run(configuration, file, loggers, cancellation);
            }
            catch (Exception error) when (
                configuration.Logs == LogFormat.Json && error is not (OperationCanceledException or OutputGoneException))
            {
                LogEnded(loggers.CreateLogger<RunCommand>(), isVerbose ? error : null, CommandLine.Describe(error));
                return ExitCode.Failed;
            }
        });
        return command;
    }

    /// <returns>The result, and the file to watch for changes, if there is one.</returns>
    (ConfigurationResult Result, string? File) Read(ParseResult parsed)
    {
        var flags = SettingOptions.Read(parsed, _settings);
        if (parsed.GetValue(_config) is not { } path)
            return (FlagReader.Read(flags), null);
        if (flags.Count == 0)
        {
            var file = ConfigurationFile.Load(path);
            return (file.Validate(), file.CanBeReadAgain ? path : null);
        }
        var problem = $"cannot be combined with {string.Join(", ", flags.Keys)}";
        return (new(null, [new ConfigurationError("--config", path, problem, "Give the file or the flags, not both")]), null);
    }

    /// <summary>Reports the errors of a configuration as its logs are written. Returns the exit code.</summary>
    static int ReportErrors(ConfigurationResult result, TextWriter output)
    {
        if (result.Logs == LogFormat.Lines)
            return CommandLine.Report(result.Errors, output, ExitCode.Usage);
        using var loggers = CreateLoggers(verbose: false, result.Logs);
        foreach (var error in result.Errors)
            LogConfigurationInvalid(loggers.CreateLogger<RunCommand>(), error);
        return ExitCode.Usage;
    }

    /// <summary>Logs go to stderr; stdout is for the ready line and the events.</summary>
    static ILoggerFactory CreateLoggers(bool verbose, LogFormat format) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(verbose ? LogLevel.Debug : LogLevel.Information)
        .AddConsole(console =>
        {
            console.FormatterName = format == LogFormat.Json ? JsonLogLine.FormatterName : LogLine.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite; // a slow reader of the log must not stop the balancer
        })
        .Services.AddSingleton(TimeProvider.System).AddSingleton<ConsoleFormatter, LogLine>().AddSingleton<ConsoleFormatter, JsonLogLine>());

    [LoggerMessage(LogLevel.Critical, "ebpf-lb ends: {Error}")]
    static partial void LogEnded(ILogger logger, Exception? exception, string error);

    [LoggerMessage(LogLevel.Critical, "the configuration is invalid: {Error}")]
    static partial void LogConfigurationInvalid(ILogger logger, ConfigurationError error);
}
