using System.CommandLine;
using EbpfLb.Configuration;
using EbpfLb.Providers.Files;
using EbpfLb.Providers.Flags;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace EbpfLb.Commands;

/// <summary>Runs a load balancer until it is cancelled. Returns the exit code.</summary>
/// <param name="configuration">The first configuration.</param>
/// <param name="file">The file to watch for changes; null if flags or a pipe gave the configuration.</param>
/// <param name="loggers">For all output except flow events.</param>
/// <param name="cancellation">Stops it.</param>
delegate Task<int> RunLoadBalancer(
    LoadBalancerConfiguration configuration, string? file, ILoggerFactory loggers, CancellationToken cancellation);

/// <summary><c>ebpf-lb run</c>: reads the configuration from a file or from flags, and balances.</summary>
sealed class RunCommand
{
    readonly Option<string> _config = new("--config")
    {
        Description = "Configuration file; takes the place of all the flags",
        HelpName = "FILE",
    };
    readonly Option<string[]> _interfaces = new("--interface")
    {
        Description = "Network interface that clients' packets arrive on; then those that lead to backends; repeatable",
        HelpName = "NAME",
    };
    readonly Option<string> _hook = new("--hook")
    {
        Description = "Where to attach: auto (default), tc, xdp-native or xdp-generic",
        HelpName = "HOOK",
    };
    readonly Option<string[]> _listens = new("--listen")
    {
        Description = "Endpoint to balance; without address all of the interface's own, without protocol TCP; repeatable",
        HelpName = "[ADDRESS]:PORT[/tcp|/udp]",
    };
    readonly Option<string> _algorithm = new("--algorithm")
    {
        Description = $"How backends are chosen: {string.Join(", ", ConfigNames.Algorithms.Select(known => known.Name))}",
        HelpName = "NAME",
    };
    readonly Option<string> _mode = new("--mode")
    {
        Description = "nat (default), or dsr: backends own the endpoint's address and answer clients directly",
        HelpName = "MODE",
    };
    readonly Option<string> _drain = new("--drain")
    {
        Description = "How long a backend that takes no new flow any more may keep those it has, "
            + $"{Duration.Format(ServiceConfiguration.DefaultDrain)} unless it is given",
        HelpName = "TIME",
    };
    readonly Option<string[]> _health = new("--health")
    {
        Description = "How backends are checked: 'tcp' or 'http=/path', and every, timeout, rise, fall, port and "
            + $"when-all-down with their values; checks are off unless it is given, then {new HealthConfiguration()}; repeatable",
        HelpName = "KEY=VALUE",
    };
    readonly Option<string[]> _backends = new("--backend")
    {
        Description = "Server, by address or name; without port the endpoint's; repeatable",
        HelpName = "HOST[:PORT]",
    };
    readonly Option<string> _docker = new("--docker")
    {
        Description = "Take labelled containers as backends as well, at their addresses on this network of the engine's",
        HelpName = "NETWORK",
    };
    readonly Option<string> _dockerSocket = new("--docker-socket")
    {
        Description = $"The container engine's socket, {DockerConfiguration.Scheme}{DockerConfiguration.DefaultSocket} unless it is given",
        HelpName = "URI",
    };
    readonly Option<string> _events = new("--events")
    {
        Description = "What to report: flows (default), packets or off",
        HelpName = "LEVEL",
    };
    readonly Option<string> _flows = new("--flows")
    {
        Description = $"How many flows there is room for, {FlowTableSize.Default} unless it is given",
        HelpName = "NUMBER",
    };
    readonly Option<string[]> _timeouts = new("--timeout")
    {
        Description = $"How long a flow may idle in a state; {new TimeoutConfiguration()}; repeatable",
        HelpName = "STATE=TIME",
    };
    readonly Option<string> _metrics = new("--metrics")
    {
        Description = "Serve /metrics for Prometheus, and /healthz; a port alone is the loopback's",
        HelpName = "[ADDRESS:]PORT",
    };
    readonly Option<string> _logs = new("--logs", "--log")
    {
        Description = "How to write logs: lines (default) or json",
        HelpName = "FORMAT",
    };
    readonly Option<bool> _leaveAttached = new("--leave-attached")
    {
        Description = "Leave the datapath forwarding at the end, for the next run to take over",
    };
    readonly Option<bool> _replace = new("--replace")
    {
        Description = "Remove what an ended run left, with its connections, instead of taking it over; also with --config",
    };

    public static Command Create(RunLoadBalancer run)
    {
        var options = new RunCommand();
        options.OfferValues();
        var command = new Command("run", "Attach to interfaces and balance until SIGINT or SIGTERM, then detach")
        {
            options._config, options._interfaces, options._hook, options._listens, options._backends, options._docker,
            options._dockerSocket, options._algorithm, options._mode, options._drain, options._health, options._events,
            options._flows, options._timeouts, options._metrics, options._logs, options._leaveAttached,
            options._replace,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var (result, file) = options.Read(parsed);
            if (result.Configuration is not { } configuration)
                return ErrorOutput.Write(result.Errors, parsed.InvocationConfiguration.Error);
            using var loggers = CreateLoggers(parsed.GetValue(CommandLine.Verbose), configuration.Logs);
            configuration = configuration with { Replace = parsed.GetValue(options._replace) };
            return await run(configuration, file, loggers, cancellation);
        });
        return command;
    }

    /// <summary>The words that completion offers where an option takes one of a few.</summary>
    void OfferValues()
    {
        _hook.CompletionSources.Add([.. ConfigNames.Hooks.Select(known => known.Name)]);
        _algorithm.CompletionSources.Add([.. ConfigNames.Algorithms.Select(known => known.Name)]);
        _mode.CompletionSources.Add([.. ConfigNames.Modes.Select(known => known.Name)]);
        _events.CompletionSources.Add([.. ConfigNames.Events.Select(known => known.Name)]);
        _logs.CompletionSources.Add([.. ConfigNames.Logs.Select(known => known.Name)]);
    }

    /// <returns>The result, and the file to watch for changes, if there is one.</returns>
    (ConfigurationResult Reading, string? File) Read(ParseResult parsed)
    {
        if (parsed.GetValue(_config) is not { } path)
            return (FlagReader.Read(new CommandLineFlags(
                parsed.GetValue(_interfaces) ?? [], parsed.GetValue(_hook), parsed.GetValue(_events),
                parsed.GetValue(_listens) ?? [], parsed.GetValue(_backends) ?? [],
                parsed.GetValue(_algorithm), parsed.GetValue(_mode))
            {
                Flows = parsed.GetValue(_flows),
                Drain = parsed.GetValue(_drain),
                Health = parsed.GetValue(_health) ?? [],
                LeaveAttached = parsed.GetValue(_leaveAttached),
                Timeouts = parsed.GetValue(_timeouts) ?? [],
                Metrics = parsed.GetValue(_metrics),
                Logs = parsed.GetValue(_logs),
                Docker = parsed.GetValue(_docker),
                DockerSocket = parsed.GetValue(_dockerSocket),
            }), null);
        Option[] flags =
        [
            _interfaces, _hook, _listens, _backends, _docker, _dockerSocket, _algorithm, _mode, _drain, _health, _events,
            _flows, _timeouts, _metrics, _logs, _leaveAttached,
        ];
        var alsoGiven = flags.Where(flag => parsed.GetResult(flag) is { Implicit: false }).Select(flag => flag.Name).ToArray();
        if (alsoGiven.Length == 0)
        {
            var file = ConfigurationFile.Load(path);
            return (file.Validate(), file.CanBeReadAgain ? path : null);
        }
        var problem = $"takes the place of {string.Join(", ", alsoGiven)}";
        return (new(null, [new ConfigurationError("--config", path, problem, "Give the file or the flags, not both")]), null);
    }

    /// <summary>Logs go to stderr; stdout is for the ready line and the events.</summary>
    static ILoggerFactory CreateLoggers(bool verbose, LogFormat format) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(verbose ? LogLevel.Debug : LogLevel.Information)
        .AddConsole(console =>
        {
            console.FormatterName = format == LogFormat.Json ? ConsoleFormatterNames.Json : LogLine.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite; // a slow reader of the log must not stop the balancer
        })
        .Services.Configure<JsonConsoleFormatterOptions>(json => (json.TimestampFormat, json.UseUtcTimestamp) = ("O", true))
        .AddSingleton<ConsoleFormatter, LogLine>());
}
