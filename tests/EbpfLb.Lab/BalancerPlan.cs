using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>How a balancer is to be run: its own lines, in flags where they can say it, else in a file.</summary>
public sealed record BalancerPlan(params IReadOnlyList<Service> Services)
{
    /// <summary>Where a configuration file is put for the balancer.</summary>
    internal const string File = "/etc/ebpf-lb.yaml";

    /// <summary>A build other than the one that is tested.</summary>
    public BalancerBuild? Build { get; init; }

    /// <summary>The interface to attach to.</summary>
    public string Interface { get; init; } = BalancerHost.Interface;

    /// <summary>More interfaces to attach to, which lead to backends.</summary>
    public IReadOnlyList<string> MoreInterfaces { get; init; } = [];

    /// <summary>A hook other than the lab's.</summary>
    public string? Hook { get; init; }

    /// <summary>Whether a line is printed for every packet.</summary>
    public bool PrintsPackets { get; init; }

    /// <summary>Whether it prints nothing of flows either.</summary>
    public bool IsSilent { get; init; }

    /// <summary>How many events of each kind it prints in a second; its own number where absent.</summary>
    public int? EventsPerSecond { get; init; }

    /// <summary>Whether it has the privileges that it needs.</summary>
    public bool IsPrivileged { get; init; } = true;

    /// <summary>How many established flows it has room for; its own number where absent.</summary>
    public int? Flows { get; init; }

    /// <summary>
    /// Whether it has room for as many services and backends as by default. A lab has a handful, and a start that writes
    /// large tables takes longer.
    /// </summary>
    public bool HasDefaultRoom { get; init; }

    /// <summary>Where it serves metrics on the host; nowhere where absent.</summary>
    public string? Metrics { get; init; }

    /// <summary>The cgroup of a local client that it balances at its sockets; none where absent.</summary>
    public string? Sockets { get; init; }

    /// <summary>Whether it leaves the datapath attached where it is asked to end.</summary>
    public bool LeavesAttached { get; init; }

    /// <summary>Whether it starts anew where another one left its datapath.</summary>
    public bool StartsAnew { get; init; }

    /// <summary>The line over which it hears of labelled containers; it looks for none where absent.</summary>
    internal EngineLine? EngineLine { get; init; }

    /// <summary>A configuration file of other words than the services'.</summary>
    public string? Configuration { get; init; }

    /// <summary>Whether it is to stand in a file, which can be changed, though flags could say it.</summary>
    public bool StandsInFile { get; init; }

    int? MaxServices => HasDefaultRoom ? null : 1024;

    int? MaxBackends => HasDefaultRoom ? null : 4096;

    IEnumerable<string> Interfaces => [Interface, .. MoreInterfaces];

    internal string Events => IsSilent ? "off" : PrintsPackets ? "packets" : "flows";

    bool FitsInFlags => !StandsInFile && Configuration is null && Services is [{ FitsInFlags: true }];

    /// <summary>The configuration file, for a hook.</summary>
    internal string FileFor(string hook) => Configuration ??
        $"""
        interface: [ {string.Join(", ", Interfaces)} ]
        hook: {Hook ?? hook}
        events: {Events}
        events-per-second: {EventsPerSecond}
        flows: {Flows}
        max-services: {MaxServices}
        max-backends: {MaxBackends}
        metrics: {Metrics}
        sockets: {Sockets}
        leave-attached: {(LeavesAttached ? "true" : "false")}
        docker: {EngineLine?.ToYaml()}
        services:
        {string.Concat(Services.Select(service => service.ToYaml()))}
        """;

    /// <summary>The command line, for a hook.</summary>
    internal string[] CommandFor(string hook) => [.. StartFor(hook), .. StartsAnew ? ["--replace"] : Array.Empty<string>()];

    string[] StartFor(string hook) => FitsInFlags
        ?
        [
            "run", .. Interfaces.SelectMany(name => new[] { "--interface", name }), "--hook", Hook ?? hook, "--events", Events,
            .. EventsPerSecond is { } limit ? new[] { "--events-per-second", $"{limit}" } : [],
            .. Flows is { } flows ? new[] { "--flows", $"{flows}" } : [],
            .. MaxServices is { } services ? new[] { "--max-services", $"{services}" } : [],
            .. MaxBackends is { } backends ? new[] { "--max-backends", $"{backends}" } : [],
            .. Sockets is { } cgroup ? new[] { "--sockets", cgroup } : [],
            .. Metrics is { } at ? new[] { "--metrics", at } : [],
            .. LeavesAttached ? new[] { "--leave-attached" } : [], .. Services[0].ToFlags(),
        ]
        : ["run", "--config", File];
}
