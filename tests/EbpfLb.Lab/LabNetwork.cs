using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Docker.DotNet;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Networks;
using EbpfLb.Lab.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Lab;

/// <summary>A network of one lab's own, with IPv4 and where the engine can with IPv6, and the containers on it.</summary>
/// <param name="isClosed">Whether no way leads out of it.</param>
sealed class LabNetwork(LabEngine engine, string lab, bool isClosed = false) : IAsyncDisposable
{
    INetwork _network = Network(lab, isClosed, WithIPv6);

    public LabEngine Engine => engine;

    /// <summary>The engine's name for it.</summary>
    public string Name => _network.Name;

    /// <summary>The family in which roles are talked to at present.</summary>
    public Family Family { get; set; }

    /// <summary>Why the network has no IPv6; null where it has.</summary>
    public string? ObstacleToIPv6 { get; private set; }

    public async Task CreateAsync()
    {
        try
        {
            await _network.CreateAsync(LabContext.Current.CancellationToken);
        }
        catch (DockerApiException refusal)
        {
            ObstacleToIPv6 = $"the container engine gives no IPv6: {refusal.Message}";
            _network = Network(lab, isClosed, _ => { });
            await _network.CreateAsync(LabContext.Current.CancellationToken);
        }
    }

    /// <summary>Lets a container that is at work be on this network as well.</summary>
    public Task ConnectAsync(string container) =>
        engine.Docker.Networks.ConnectNetworkAsync(_network.Name, new NetworkConnectParameters { Container = container });

    /// <summary>Takes a container off this network again.</summary>
    public Task DisconnectAsync(string container) => engine.Docker.Networks.DisconnectNetworkAsync(
        _network.Name, new NetworkDisconnectParameters { Container = container, Force = true });

    /// <summary>Removes the network, which nobody is on any more.</summary>
    public async ValueTask DisposeAsync() => await _network.DisposeAsync();

    /// <summary>A container that the network knows by name.</summary>
    public ContainerBuilder Member(string image, string name) => Container(image, name)
        .WithHostname(name)
        .WithNetwork(_network)
        .WithNetworkAliases(name);

    /// <summary>A container of the lab that brings no network of its own.</summary>
    public ContainerBuilder Container(string image, string name) => new ContainerBuilder(image)
        .WithName(NameOfContainer(name))
        .WithLabel(LabRun.Labels)
        .WithLogger(NullLogger.Instance);

    /// <summary>Another network, which members of this one do not reach.</summary>
    public LabNetwork Beside(string name) => new(engine, $"{lab}-{name}");

    /// <summary>By which the engine knows a container of the lab.</summary>
    public string NameOfContainer(string name) => $"{Prefix(lab)}-{name}";

    /// <summary>The name of a volume for a container of the lab.</summary>
    public string NameOfVolume(string name) => $"{Prefix(lab)}-{name}";

    /// <summary>What a container needs that sends others' packets on.</summary>
    public Dictionary<string, string> RouterSysctls()
    {
        // Where several next hops lead to an address, ports decide as well which of them a flow takes.
        var sysctls = new Dictionary<string, string> { ["net.ipv4.ip_forward"] = "1", ["net.ipv4.fib_multipath_hash_policy"] = "1" };
        if (ObstacleToIPv6 is null)
            (sysctls["net.ipv6.conf.all.forwarding"], sysctls["net.ipv6.fib_multipath_hash_policy"]) = ("1", "1");
        return sysctls;
    }

    /// <summary>
    /// What keeps a machine from telling its neighbours of an address that it shares, and lets it listen to the other
    /// one who has it.
    /// </summary>
    public static Dictionary<string, string> SharingSysctls() => new()
    {
        ["net.ipv4.conf.all.arp_ignore"] = "1",
        ["net.ipv4.conf.all.arp_announce"] = "2",
        ["net.ipv4.conf.all.accept_local"] = "1",
    };

    public async Task<Addresses> AddressesOfAsync(string container)
    {
        var seen = await engine.Docker.Containers.InspectContainerAsync(container);
        return seen.NetworkSettings?.Networks[_network.Name] is { IPAddress: { Length: > 0 } v4 } endpoint
            ? new Addresses(IPAddress.Parse(v4), IPAddress.TryParse(endpoint.GlobalIPv6Address, out var v6) ? v6 : null)
            : throw new LabException($"The container {container} has no address in the network {_network.Name}");
    }

    /// <summary>An address of each family that the engine gives to nobody: near the end of the subnet.</summary>
    public async Task<Addresses> FreeAddressesAsync()
    {
        var seen = await engine.Docker.Networks.InspectNetworkAsync(_network.Name);
        var subnets = seen.IPAM.Config.Select(config => IPNetwork.Parse(config.Subnet)).ToArray();
        return new(
            Free(Array.Find(subnets, subnet => subnet.BaseAddress.AddressFamily == AddressFamily.InterNetwork))!,
            Free(Array.Find(subnets, subnet => subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6)));

        static IPAddress? Free(IPNetwork subnet)
        {
            if (subnet == default)
                return null;
            var bytes = subnet.BaseAddress.GetAddressBytes();
            for (var bit = subnet.PrefixLength; bit < bytes.Length * 8; bit++)
                bytes[bit / 8] |= (byte)(0x80 >> (bit % 8));
            bytes[^1] -= 5; // the last one is IPv4's broadcast
            return new(bytes);
        }
    }

    static INetwork Network(string lab, bool isClosed, Action<NetworksCreateParameters> modify) => new NetworkBuilder()
        .WithName(Prefix(lab))
        .WithLabel(LabRun.Labels)
        .WithCreateParameterModifier(network => network.Internal = isClosed)
        .WithCreateParameterModifier(modify)
        .WithLogger(NullLogger.Instance)
        .Build();

    /// <summary>Engines choose IPv4 subnets themselves, and IPv6 ones only if they are new.</summary>
    static void WithIPv6(NetworksCreateParameters network)
    {
        var id = RandomNumberGenerator.GetHexString(14, lowercase: true);
        network.EnableIPv6 = true;
        network.IPAM = new IPAM
        {
            Config = [new IPAMConfig { Subnet = $"fd{id[..2]}:{id[2..6]}:{id[6..10]}:{id[10..]}::/64" }], // RFC 4193
        };
    }

    static string Prefix(string lab) => $"ebpf-lb-e2e-{LabRun.Id}-{lab}";
}

static class Members
{
    /// <summary>Prepares the container to share an address with another, if it is to.</summary>
    public static ContainerBuilder SharingIf(this ContainerBuilder member, bool shares) => shares
        ? member.WithCreateParameterModifier(container => container.HostConfig!.Sysctls = LabNetwork.SharingSysctls())
        : member;
}
