using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Roles;

/// <summary>The command that takes outer headers off, at work on a server.</summary>
public sealed class Decapsulator : Role
{
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(60), LongestEnd = TimeSpan.FromSeconds(30);

    readonly Role _server;
    readonly string _volume;

    internal Decapsulator(LabNetwork network, string name, Role server)
        : this(network, name, server, network.NameOfVolume(name))
    {
    }

    Decapsulator(LabNetwork network, string name, Role server, string volume)
        : base(network, name, Container(network, name, server, volume)) => (_server, _volume) = (server, volume);

    /// <summary>Runs another of the balancer's commands beside it.</summary>
    public Task<Output> CommandAsync(params string[] arguments) => TryRunAsync(["ebpf-lb", .. arguments]);

    /// <summary>Its process is killed, and another one is started in its place.</summary>
    public async Task KillAndRestartAsync()
    {
        await Docker.Containers.KillContainerAsync(Id, new() { Signal = "SIGKILL" });
        await Eventually.That($"{Name} has ended", IsRunningAsync, running => !running, LongestEnd);
        await Docker.Containers.StartContainerAsync(Id, new());
        await Eventually.That($"{Name} is ready again", ReadyLinesAsync, lines => lines == 2, LongestStart);
    }

    /// <summary>Asks it to end, and waits until it has.</summary>
    public async Task EndAsync()
    {
        await Docker.Containers.KillContainerAsync(Id, new() { Signal = "SIGTERM" });
        await Eventually.That($"{Name} has ended", IsRunningAsync, running => !running, LongestEnd);
    }

    internal async Task BecomeReadyAsync()
    {
        await Docker.Volumes.CreateAsync(new()
        {
            Name = _volume,
            Labels = Engine.LabRun.Labels.ToDictionary(),
            DriverOpts = new Dictionary<string, string> { ["type"] = "bpf", ["device"] = "bpffs" },
        });
        await StartAsync();
        await Eventually.That($"{Name} is ready", ReadyLinesAsync, lines => lines == 1, LongestStart);
    }

    async Task<bool> IsRunningAsync() => (await Docker.Containers.InspectContainerAsync(Id)).State!.Running;

    async Task<int> ReadyLinesAsync() =>
        (await LogsAsync()).Stdout.Split('\n').Count(line => line.StartsWith("ready: ", StringComparison.Ordinal));

    private protected override Task<Addresses> FindAddressesAsync() => Task.FromResult(_server.Addresses);

    static IContainer Container(LabNetwork network, string name, Role server, string volume) => network
        .Container(network.Engine.Images.Balancer, name)
        .WithCommand("decapsulate", "--interface", BalancerHost.Interface)
        .WithCreateParameterModifier(container =>
        {
            network.Engine.Privileges.GrantTo(container.HostConfig!);
            container.HostConfig!.NetworkMode = $"container:{server.Id}";
            container.HostConfig.Binds = [$"{volume}:/sys/fs/bpf"];
        })
        .Build();
}
