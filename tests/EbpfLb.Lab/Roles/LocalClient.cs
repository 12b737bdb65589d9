using Docker.DotNet.Models;
using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Roles;

/// <summary>A client on the balancer's own host, in a cgroup v2 that it makes for itself.</summary>
public sealed class LocalClient : Client
{
    /// <summary>Where a container has the cgroups of the engine's machine.</summary>
    const string Cgroups = "/engine/cgroup";

    static readonly TimeSpan MaxEnd = TimeSpan.FromSeconds(20);

    readonly BalancerHost _host;

    internal LocalClient(LabNetwork network, BalancerHost host, string name)
        : base(network, name, Container(network, host, name)) => _host = host;

    /// <summary>The cgroup's directory, as balancers see it too.</summary>
    public string Cgroup { get; private set; } = "";

    /// <summary>Shows a container the cgroups of the engine's machine.</summary>
    internal static void ShowCgroups(HostConfig container) => container.Binds = [.. container.Binds ?? [], $"/sys/fs/cgroup:{Cgroups}"];

    internal override async Task StartAsync()
    {
        await base.StartAsync();
        // The shell that runs this, and all commands after it, enters the cgroup: engines leave containers outside of v2.
        Cgroup = (await ShellAsync(
            """
            mount=$(awk -v below="$1" '$3 == "cgroup2" && index($2, below) == 1 { print $2; exit }' /proc/mounts)
            [ -n "$mount" ] && mkdir "$mount/$2" && echo "$PPID" >"$mount/$2/cgroup.procs" && echo "$mount/$2"
            """, Cgroups, $"ebpf-lb-lab-{Id[..12]}")).Trim();
    }

    internal override string[] Command(params string[] words) =>
        ["sh", "-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\"", Cgroup, .. words];

    private protected override Task<Addresses> FindAddressesAsync() => Task.FromResult(_host.Addresses);

    static IContainer Container(LabNetwork network, BalancerHost host, string name) => network
        .Container(network.Engine.Images.Client, name)
        .WithCreateParameterModifier(container =>
        {
            host.JoinNetwork(container.HostConfig!);
            ShowCgroups(container.HostConfig!);
        })
        .Build();

    public override async ValueTask DisposeAsync()
    {
        // Every process is moved out, the shell too. A process that ends meanwhile leaves by itself, a little later.
        if (Cgroup.Length > 0)
        {
            await ShellAsync(
                "for process in $(cat \"$1/cgroup.procs\"); do echo \"$process\" >\"${1%/*}/cgroup.procs\" || true; done", Cgroup);
            await Eventually.That(
                $"no process is left in {Cgroup}", () => TryShellAsync("rmdir \"$1\"", Cgroup), removed => removed.Succeeded, MaxEnd);
        }
        await base.DisposeAsync();
    }
}
