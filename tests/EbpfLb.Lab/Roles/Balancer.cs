using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using DotNet.Testcontainers.Containers;
using EbpfLb.Lab.Telemetry;

namespace EbpfLb.Lab.Roles;

/// <summary>The runner at work in a container of its own, on a host.</summary>
public sealed partial class Balancer : Role
{
    const string Ready = "ready: ";
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(60);
    static readonly TimeSpan LongestReload = TimeSpan.FromSeconds(60);
    static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(60);

    readonly LabNetwork _network;
    readonly BalancerHost _host;
    readonly string _hook;

    /// <param name="command">A command other than the plan's.</param>
    internal Balancer(
        LabNetwork network, BalancerHost host, string name, string hook, BalancerPlan plan, params string[] command)
        : base(network, name, Container(network, host, name, hook, plan, command)) =>
        (_network, _host, _hook) = (network, host, hook);

    /// <summary>What it has printed about flows so far, in order.</summary>
    public async Task<IReadOnlyList<FlowEvent>> FlowEventsAsync() => FlowEvent.ParseAll((await LogsAsync()).Stdout);

    /// <summary>The lines it has printed so far.</summary>
    public async Task<IReadOnlyList<string>> LinesAsync() =>
        (await LogsAsync()).Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>How many characters it has printed so far, warnings and errors as well.</summary>
    public async Task<int> LogSizeAsync()
    {
        var (stdout, stderr) = await LogsAsync();
        return stdout.Length + stderr.Length;
    }

    /// <summary>The version that it says it is.</summary>
    public async Task<string> VersionAsync()
    {
        var output = await TryRunAsync("ebpf-lb", "--version");
        return output.Succeeded ? output.Stdout.Trim() : throw new LabException($"{Name}: {output}");
    }

    /// <summary>What its own status command tells.</summary>
    internal async Task<BalancerStatus> StatusAsync()
    {
        var output = await CommandAsync("status", "--json");
        return output.Succeeded
            ? BalancerStatus.ParseAll(output.Stdout).Single()
            : throw new LabException($"{Name}: {output}");
    }

    /// <summary>What its flows command lists.</summary>
    /// <param name="options">Of the command, which say which flows.</param>
    internal async Task<IReadOnlyList<ListedFlow>> FlowsAsync(params string[] options)
    {
        var output = await CommandAsync(["flows", "--json", .. options]);
        return output.Succeeded ? ListedFlow.ParseAll(output.Stdout) : throw new LabException($"{Name}: {output}");
    }

    /// <summary>What its watch command prints until it is interrupted: a block of lines each second.</summary>
    public async Task<(Output Output, IReadOnlyList<WatchedRates> Blocks)> WatchAsync(TimeSpan lasting)
    {
        var output = await TryRunAsync(
            "timeout", "--preserve-status", "--signal=INT", $"{lasting.TotalSeconds}", "ebpf-lb", "watch", "--interval", "1s");
        return (output, WatchedRates.ParseAll(output.Stdout));
    }

    /// <summary>What it serves to Prometheus.</summary>
    /// <param name="port">Of the host's loopback.</param>
    internal async Task<Scrape> ScrapeAsync(int port) => Scrape.Parse(await MetricsAsync(port));

    /// <summary>The same as it is served.</summary>
    /// <param name="port">Of the host's loopback.</param>
    public Task<string> MetricsAsync(int port) =>
        _host.ShellAsync("curl --silent --show-error --fail \"http://127.0.0.1:$1/metrics\"", port);

    /// <summary>What it tells who probes its health.</summary>
    /// <param name="port">Of the host's loopback.</param>
    public Task<string> HealthAsync(int port) =>
        _host.ShellAsync("curl --silent --show-error --fail \"http://127.0.0.1:$1/healthz\"", port);

    /// <summary>How much of a processor it has taken since its start: that does not tell how busy others were.</summary>
    public async Task<TimeSpan> ProcessorTimeAsync()
    {
        const int ticksPerSecond = 100; // Linux, USER_HZ: the same on every machine
        var ticks = await ShellAsync("cut -d ' ' -f 14,15 /proc/1/stat"); // proc(5): utime and stime
        return TimeSpan.FromSeconds(ticks.Trim().Split(' ').Sum(long.Parse) / (double)ticksPerSecond);
    }

    /// <summary>How long after its start it told that it balances, by the engine's clock.</summary>
    public Task<TimeSpan> TimeToReadyAsync() => TimeToLineAsync(
        $"{Name} is ready", line => line.Contains(Ready, StringComparison.Ordinal), LongestStart);

    /// <summary>How many files its process holds open, sockets, maps and all else of the kernel's included.</summary>
    public async Task<int> OpenFilesAsync() =>
        int.Parse(await ShellAsync("ls /proc/1/fd | wc -l"), CultureInfo.InvariantCulture);

    /// <summary>How much memory its process holds, in bytes.</summary>
    public async Task<long> ResidentMemoryAsync()
    {
        var kilobytes = await ShellAsync("sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB$/\\1/p' /proc/1/status");
        return 1024 * long.Parse(kilobytes, CultureInfo.InvariantCulture);
    }

    /// <summary>Runs another of its commands beside it.</summary>
    public Task<Output> CommandAsync(params string[] arguments) => TryRunAsync(["ebpf-lb", .. arguments]);

    /// <summary>Whether its status command finds nothing wrong, as the image's health check asks.</summary>
    public Task<Output> CheckStatusAsync() => CommandAsync("status", "--check");

    /// <summary>Changes the file that its plan stands in, as an editor would: a new one takes the place of the old.</summary>
    public Task ChangeFileAsync(BalancerPlan plan) => ShellAsync(
        "printf '%s' \"$2\" >\"$1.new\" && mv \"$1.new\" \"$1\"", BalancerPlan.File, plan.FileFor(_hook));

    /// <summary>Changes the file, asks it to read that at once, and waits until it has told what came of it.</summary>
    public async Task ReloadAsync(BalancerPlan plan)
    {
        var before = (await ReloadsAsync()).Count;
        await ChangeFileAsync(plan);
        await _network.Engine.Docker.Containers.KillContainerAsync(Id, new() { Signal = "SIGHUP" });
        await Eventually.That(
            $"{Name} has told of a reload", ReloadsAsync, reloads => reloads.Count > before, LongestReload);
    }

    /// <summary>Changes the file to and fro in quick succession; where it cannot keep up, changes may fall together.</summary>
    public Task ChangeOftenAsync(BalancerPlan to, BalancerPlan fro, int times) => ShellAsync(
        """
        for change in $(seq "$4"); do
            case $((change % 2)) in 0) plan=$2 ;; 1) plan=$3 ;; esac
            printf '%s' "$plan" >"$1.new" && mv "$1.new" "$1" && kill -s HUP 1 && sleep 0.03 || exit
        done
        """, BalancerPlan.File, to.FileFor(_hook), fro.FileFor(_hook), times);

    /// <summary>What it has told of each change of the file so far, with all its faults.</summary>
    public async Task<IReadOnlyList<string>> ReloadsAsync() =>
        [.. Reload().Matches((await LogsAsync()).Stderr).Select(reload => reload.Value)];

    [GeneratedRegex("^.*(nothing changes|configuration stays|is applied).*(\n  .*)*", RegexOptions.Multiline)]
    private static partial Regex Reload();

    /// <summary>Asks it to end with a signal, and tells how it did.</summary>
    public async Task<Output> EndAsync(string signal = "SIGTERM")
    {
        await _network.Engine.Docker.Containers.KillContainerAsync(Id, new() { Signal = signal });
        return await EndedAsync();
    }

    /// <summary>Its process is killed, and comes to do nothing more.</summary>
    public Task KillAsync() => EndAsync("SIGKILL");

    /// <summary>Ends it where it still runs; a fault on its way out fails the spec.</summary>
    internal async Task EndWellAsync()
    {
        if (!(await LookAsync()).IsRunning)
            return;
        var output = await EndAsync();
        if (!output.Succeeded)
            throw new LabException($"The balancer did not end well: {output}");
    }

    /// <summary>Waits until it has told that it balances.</summary>
    internal async Task BecomeReadyAsync()
    {
        await StartAsync();
        var (isRunning, output) = await Eventually.That($"{Name} is ready, or has ended", LookAsync,
            seen => !seen.IsRunning || seen.Output.Stdout.Contains(Ready, StringComparison.Ordinal), LongestStart);
        if (!isRunning)
            throw new LabException($"The balancer did not start: {output}");
    }

    /// <summary>Waits until it has ended by itself.</summary>
    internal async Task<Output> EndedAsync() =>
        (await Eventually.That($"{Name} has ended", LookAsync, seen => !seen.IsRunning, LongestEnd)).Output;

    async Task<(bool IsRunning, Output Output)> LookAsync()
    {
        var seen = await _network.Engine.Docker.Containers.InspectContainerAsync(Id);
        var (stdout, stderr) = await LogsAsync();
        var command = $"ebpf-lb {string.Join(' ', seen.Args)}";
        return (seen.State!.Running, new Output(command, seen.State.ExitCode, stdout, stderr));
    }

    private protected override Task<Addresses> FindAddressesAsync() => Task.FromResult(_host.Addresses);

    static IContainer Container(
        LabNetwork network, BalancerHost host, string name, string hook, BalancerPlan plan, string[] command)
    {
        var start = command.Length > 0 ? command : plan.CommandFor(hook);
        var container = network.Container(plan.Build?.Image ?? network.Engine.Images.Balancer, name)
            .WithCommand(start)
            .WithCreateParameterModifier(container =>
            {
                host.JoinNetwork(container.HostConfig!);
                plan.EngineLine?.WithSocket(container.HostConfig!);
                if (plan.Sockets is not null)
                    LocalClient.ShowCgroups(container.HostConfig!);
                if (plan.IsPrivileged)
                    network.Engine.Privileges.GrantTo(container.HostConfig!);
            });
        // The engine runs a process of its own to unpack a file.
        return (start.Contains(BalancerPlan.File)
            ? container.WithResourceMapping(Encoding.UTF8.GetBytes(plan.FileFor(hook)), BalancerPlan.File)
            : container).Build();
    }
}
