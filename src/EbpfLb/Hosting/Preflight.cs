using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Doctor;
using EbpfLb.Networking;
using EbpfLb.Reconcile;

namespace EbpfLb.Hosting;

/// <summary>Rejects services that cannot work, before they are applied.</summary>
static class Preflight
{
    /// <summary>Without them the kernel's refusals name other causes, such as a fault of the programs.</summary>
    /// <exception cref="LoadBalancerException">This process lacks a capability.</exception>
    public static void RequirePrivileges()
    {
        if (Privileges.FindMissing(HostProbe.EffectiveCapabilities()) is { Length: > 0 } missing)
            throw new LoadBalancerException($"this process lacks {string.Join(", ", missing)}: {Remedies.Privileges}.");
    }

    /// <exception cref="LoadBalancerException">They cannot work.</exception>
    public static void Check(ImmutableArray<ServiceSnapshot> services, IReadOnlyList<NetworkDevice> devices)
    {
        RejectDsrWithoutEthernet(services, devices);
        if (FindOwnAddress(services) is { } problem)
            throw new LoadBalancerException(problem);
    }

    /// <summary>In mode dsr only the Ethernet address says which backend a packet is for.</summary>
    static void RejectDsrWithoutEthernet(ImmutableArray<ServiceSnapshot> services, IReadOnlyList<NetworkDevice> devices)
    {
        if (services.FirstOrDefault(service => service.Mode == ForwardingMode.Dsr) is { } direct
            && devices.FirstOrDefault(device => !device.IsEthernet) is { } bare)
            throw new LoadBalancerException(
                $"service '{direct.Name}' has mode dsr, which needs Ethernet, and packets of {bare.Name} have no Ethernet header. "
                + "Use mode nat.");
    }

    /// <summary>All addresses in the balancer's network namespace.</summary>
    /// <exception cref="LoadBalancerException">The kernel did not list them.</exception>
    public static IReadOnlySet<IPAddress> OwnAddresses() => InterfacesByAddress().Select(address => address.Key).ToHashSet();

    /// <summary>
    /// A sentence for each `nat-source` that is no address of this network namespace. It may be one that is routed here, or
    /// that comes later.
    /// </summary>
    /// <exception cref="LoadBalancerException">The kernel did not list the addresses.</exception>
    public static IEnumerable<string> FindForeignSources(ImmutableArray<ServiceSnapshot> services)
    {
        var sources = services.SelectMany(service => service.Configuration.NatSource, (service, source) => (service.Name, source.Address))
            .Where(source => source.Address is not null).ToArray();
        if (sources.Length == 0)
            return [];
        var own = OwnAddresses();
        return sources.Where(source => !own.Contains(source.Address!)).Select(source =>
            $"nat-source {source.Address} of service '{source.Name}' is no address of this host: replies are lost unless the "
            + $"network routes them here. `ip address add {source.Address} dev INTERFACE` makes it one.");
    }

    /// <summary>A sentence for each service whose health checks this process may not send.</summary>
    /// <param name="capabilities">The process's effective ones, as a bit set by number.</param>
    public static IEnumerable<string> FindImpossibleChecks(ImmutableArray<ServiceSnapshot> services, ulong capabilities) =>
        from service in services
        where service.Health is { Tunnel: true } && !Privileges.Has(capabilities, Capability.NetRaw)
        select $"health checks of service '{service.Name}' through the tunnel need CAP_NET_RAW, which this process lacks: the "
            + "state of its backends does not change. In a container add the capability NET_RAW; in a systemd unit add CAP_NET_RAW to "
            + "CapabilityBoundingSet= and AmbientCapabilities=, and AF_PACKET to RestrictAddressFamilies=.";

    /// <summary>
    /// The first backend that has an address of this network namespace, as a sentence: the local stack would receive its
    /// packets. Null if there is none.
    /// </summary>
    /// <exception cref="LoadBalancerException">The kernel did not list the addresses.</exception>
    public static string? FindOwnAddress(ImmutableArray<ServiceSnapshot> services)
    {
        var own = InterfacesByAddress();
        return (from service in services
                from backend in service.Backends
                where own.Contains(backend.Address)
                select $"backend '{backend.Host}' of service '{service.Name}' is {backend.Address}, the balancer's own address on "
                    + $"{own[backend.Address].First()}. Run the balancer and its backends in network namespaces of their own.")
            .FirstOrDefault();
    }

    static ILookup<IPAddress, string> InterfacesByAddress() => Interfaces.Read(all => all
        .SelectMany(device => device.GetIPProperties().UnicastAddresses.Select(unicast => (unicast.Address, device.Name)))
        .ToLookup(one => one.Address, one => one.Name));
}
