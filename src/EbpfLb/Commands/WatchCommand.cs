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
        var interval = Options.Interval("Time between two readings (default 1s)");
        var command = new Command("watch", "Show services, backends, flows and rates, live, until SIGINT or the key q") { interval };
        command.SetAction(async (parsed, cancellation) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var isTerminal = Terminal.Is(output);
            using var screen = new Screen(output, isTerminal ? () => (Console.WindowWidth, Console.WindowHeight) : null);
            var loop = new WatchLoop(
                () => StatusReader.Read(LiveFlows.ReadCounters), Terminal.HasColours(output), TimeProvider.System,
                isTerminal ? null : parsed.InvocationConfiguration.Error);
            await loop.RunAsync(
                screen, parsed.GetValue(interval) ?? DefaultInterval,
                isTerminal ? Terminal.WhenQuitAsync() : new TaskCompletionSource().Task, cancellation);
            return ExitCode.Ok;
        });
        return command;
    }
}
