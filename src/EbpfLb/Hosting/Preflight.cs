using System.Collections.Immutable;
using System.Net;
using EbpfLb.Networking;
using EbpfLb.Reconcile;

namespace EbpfLb.Hosting;

/// <summary>Rejects services that cannot work, before they are applied.</summary>
static class Preflight
{
    /// <exception cref="LoadBalancerException">They cannot work.</exception>
    public static void Check(ImmutableArray<ServiceSnapshot> services, IReadOnlyList<NetworkDevice> devices)
    {
        RejectOwnAddresses(services, devices.Where(device => device.IsPresent));
        KernelService.RejectSharedEndpoints(services, devices[0].IsPresent ? devices[0].Addresses() : []);
    }

    /// <summary>All addresses in the balancer's network namespace.</summary>
    /// <exception cref="LoadBalancerException">The kernel did not list them.</exception>
    public static IReadOnlySet<IPAddress> OwnAddresses() => Interfaces.Read(all => all
        .SelectMany(device => device.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address).ToHashSet());

    /// <summary>The local stack would receive packets to the balancer's own address.</summary>
    static void RejectOwnAddresses(ImmutableArray<ServiceSnapshot> services, IEnumerable<NetworkDevice> devices)
    {
        var own = devices.SelectMany(device => device.Addresses().Select(address => (address, device.Name)))
            .ToLookup(one => one.address, one => one.Name);
        foreach (var service in services)
        {
            if (service.Backends.FirstOrDefault(backend => own.Contains(backend.Address)) is { } loop)
                throw new LoadBalancerException(
                    $"backend '{loop.Host}' of service '{service.Name}' is {loop.Address}, the balancer's own address on "
                    + $"{own[loop.Address].First()}. Run the balancer and its backends in network namespaces of their own.");
        }
    }
}
