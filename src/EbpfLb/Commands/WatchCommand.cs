using System.CommandLine;
using EbpfLb.Flows;
using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb watch</c>: shows rates live, from the pinned maps.</summary>
static class WatchCommand
{
    static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var interval = Options.Interval("How long between two readings; 1s unless it is given");
        var command = new Command("watch", "Show services, backends, flows and rates, live, until SIGINT") { interval };
        command.SetAction(async (parsed, cancellation) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var isTerminal = output == StandardOutput.Writer && !Console.IsOutputRedirected;
            using var screen = new Screen(output, isTerminal ? () => Console.WindowHeight : null);
            await new WatchLoop(() => StatusReader.Read(LiveFlows.ReadCounters), isTerminal && Terminal.HasColours, TimeProvider.System)
                .RunAsync(screen, parsed.GetValue(interval) ?? DefaultInterval, cancellation);
            return ExitCode.Ok;
        });
        return command;
    }
}
