using Docker.DotNet.Models;

namespace EbpfLb.Lab.Roles;

/// <summary>The line over which balancers hear of the container engine, and which can be cut.</summary>
public sealed class EngineLine : Role
{
    const string Here = "/line";
    const string Socket = $"{Here}/docker.sock";
    const string Engine = "/var/run/docker.sock";
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20);

    readonly LabNetwork _network;
    readonly string _volume;
    string _process = "";

    internal EngineLine(LabNetwork network, string name)
        : base(network, name, network.Container(network.Engine.Images.Client, name)
            .WithCreateParameterModifier(container =>
            {
                container.HostConfig!.NetworkMode = "none";
                container.HostConfig.Binds = [$"{network.NameOfVolume(name)}:{Here}", $"{Engine}:{Engine}"];
            })
            .Build()) =>
        (_network, _volume) = (network, network.NameOfVolume(name));

    internal override async Task StartAsync()
    {
        await _network.Engine.Docker.Volumes.CreateAsync(
            new() { Name = _volume, Labels = Lab.Engine.LabRun.Labels.ToDictionary() });
        await base.StartAsync();
        await MendAsync();
    }

    /// <summary>Nobody hears of the engine from now on; who is listening hears the line break off.</summary>
    public Task CutAsync() => ShellAsync("kill -- \"-$1\"", _process);

    /// <summary>The engine can be heard again.</summary>
    public async Task MendAsync()
    {
        _process = (await ShellAsync(
            "setsid socat \"UNIX-LISTEN:$1,fork\" \"UNIX-CONNECT:$2\" >/dev/null 2>&1 & echo $!", Socket, Engine)).Trim();
        await Eventually.That("the engine can be heard", () => TryShellAsync("test -S \"$1\"", Socket),
            there => there.Succeeded, LongestStart);
    }

    /// <summary>Mounts the line's socket into a balancer's container.</summary>
    internal void WithSocket(HostConfig balancer) => balancer.Binds = [.. balancer.Binds ?? [], $"{_volume}:{Here}:ro"];

    /// <summary>What a balancer's configuration says of it.</summary>
    internal string ToYaml() => $"{{ network: {_network.Name}, socket: \"unix://{Socket}\" }}";

    private protected override Task<Addresses> FindAddressesAsync() => Task.FromResult(Addresses.None);
}
