using System.Globalization;
using System.Net;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Containers;
using EbpfLb.Lab.Telemetry;

namespace EbpfLb.Lab.Roles;

/// <summary>
/// The machine that balancers run on: a network interface and a BPF filesystem that stay when a balancer leaves,
/// so that one can see what it left behind. It has tools of its own, and can be used as a client.
/// </summary>
public sealed class BalancerHost : Client
{
    /// <summary>The interface that the engine gives to a container with one network.</summary>
    public const string Interface = "eth0";

    const string BpfFilesystem = "/sys/fs/bpf";

    readonly LabNetwork _network;
    readonly string _volume;

    /// <param name="image">Another image than that of clients, with their tools.</param>
    internal BalancerHost(LabNetwork network, string name, string? image = null)
        : this(network, name, image ?? network.Engine.Images.Client, network.NameOfVolume(name))
    {
    }

    BalancerHost(LabNetwork network, string name, string image, string volume)
        : base(network, name, Container(network, name, image, volume)) => (_network, _volume) = (network, volume);

    internal override async Task StartAsync()
    {
        await _network.Engine.Docker.Volumes.CreateAsync(new()
        {
            Name = _volume,
            Labels = Engine.LabRun.Labels.ToDictionary(),
            DriverOpts = new Dictionary<string, string> { ["type"] = "bpf", ["device"] = "bpffs" },
        });
        await base.StartAsync();
    }

    /// <summary>Has a container join this host's network, and mounts its BPF filesystem.</summary>
    internal void JoinNetwork(HostConfig guest)
    {
        guest.NetworkMode = $"container:{Id}";
        guest.Binds = [$"{_volume}:{BpfFilesystem}"];
    }

    /// <summary>What balancers have attached and pinned here.</summary>
    internal Task<KernelState> KernelStateAsync() => KernelState.ReadAsync(this);

    /// <summary>The programs that balancers have attached here, each by the kernel's digest of its instructions.</summary>
    public async Task<IReadOnlySet<string>> ProgramDigestsAsync() => (await ShellAsync(
        """
        for id in $1; do bpftool --json prog show id "$id" | jq --raw-output .tag || exit; done
        """, string.Join(' ', (await KernelStateAsync()).Programs.Select(program => program.Id))))
        .Split('\n', StringSplitOptions.RemoveEmptyEntries).ToHashSet();

    /// <summary>The interface that has one of its addresses.</summary>
    internal async Task<string> InterfaceOfAsync(IPAddress address) =>
        (await ShellAsync("ip -oneline address show to \"$1\" | cut -d ' ' -f 2", address)).Trim();

    /// <summary>Forgets the link addresses of others, as a machine does that has been silent.</summary>
    public Task ForgetNeighboursAsync() => ShellAsync("ip neighbour flush dev \"$1\"", Interface);

    /// <summary>Has its own way to someone take smaller packets only, until that is disposed.</summary>
    /// <param name="to">Who.</param>
    /// <param name="mtu">The largest IP packet, in bytes.</param>
    internal Task<HostRoute> NarrowAsync(Role to, int mtu) => HostRoute.NarrowAsync(this, to, mtu);

    /// <summary>Has no way to someone, until that is disposed.</summary>
    internal Task<HostRoute> LoseAsync(Role to) => HostRoute.LoseAsync(this, to);

    /// <summary>The index, in the network of the engine, of the other end of one of its interfaces.</summary>
    internal async Task<int> PeerIndexAsync(string name) => int.Parse(
        await ShellAsync("cat \"/sys/class/net/$1/iflink\"", name), CultureInfo.InvariantCulture);

    /// <summary>What the interface's driver has sent for native XDP, and lost.</summary>
    internal async Task<DriverCounters> DriverCountersAsync() =>
        DriverCounters.Parse(await ShellAsync("ethtool --statistics \"$1\"", Interface));

    /// <summary>Runs a server of its own, that no balancer knows of.</summary>
    public Task<HostServer> ServeAsync(int port) => HostServer.StartAsync(this, port);

    /// <summary>The machine is gone from one moment to the next.</summary>
    internal Task KillAsync() => Docker.Containers.KillContainerAsync(Id, new() { Signal = "SIGKILL" });

    static IContainer Container(LabNetwork network, string name, string image, string volume) => network
        .Member(image, name)
        .WithCreateParameterModifier(container =>
        {
            Engine.Privileges.GrantToolsTo(container.HostConfig!);
            container.HostConfig!.Binds = [$"{volume}:{BpfFilesystem}"];
            container.HostConfig.Sysctls = network.RouterSysctls();
        })
        .Build();
}
