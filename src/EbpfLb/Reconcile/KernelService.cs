using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Reconcile;

/// <summary>What tells the kernel's services apart: a configured one becomes a service for each address family.</summary>
readonly record struct ServiceIdentity(string Name, AddressFamily Family);

/// <summary>A service as the kernel is to hold it: where it listens and its backends, all of one address family.</summary>
sealed record KernelService(
    ServiceIdentity Identity, LbAlgorithm Algorithm, LbMode Mode, ImmutableArray<LbServiceKey> Keys,
    ImmutableArray<BackendSnapshot> Backends)
{
    /// <summary>How long a backend that takes no new flow any more may keep those it has; null: as long as before.</summary>
    public TimeSpan? Drain { get; init; }

    /// <summary>One that is not desired any more: it listens nowhere, and its backends drain.</summary>
    public static KernelService Removed(ServiceIdentity identity) =>
        new(identity, LbAlgorithm.RoundRobin, LbMode.Nat, [], []);

    /// <summary>
    /// Parts services by family. A family that a service does not listen in has none; one in which it listens but has
    /// no backends has one nevertheless, so that clients are refused at once. An endpoint that a service names is that one's,
    /// also where the interface has its address: it may come there while services are balanced, as a virtual one does.
    /// </summary>
    /// <param name="services">As they are desired.</param>
    /// <param name="self">The addresses that a service without one listens on.</param>
    public static ImmutableArray<KernelService> Create(
        ImmutableArray<ServiceSnapshot> services, ImmutableArray<IPAddress> self)
    {
        var named = services.Where(service => service.Listen.Address is not null)
            .Select(service => CreateKey(service.Listen, service.Listen.Address!)).ToHashSet();
        return
        [
            .. from service in services
               from family in AddressesOf(service, self).GroupBy(address => address.AddressFamily)
               select new KernelService(
                   new(service.Name, family.Key),
                   (LbAlgorithm)service.Algorithm,
                   (LbMode)service.Mode,
                   [
                       .. family.Select(address => CreateKey(service.Listen, address))
                           .Where(key => service.Listen.Address is not null || !named.Contains(key)),
                   ],
                   [.. service.Backends.Where(backend => backend.Address.AddressFamily == family.Key)])
               {
                   Drain = service.Drain,
               },
        ];
    }

    static IEnumerable<IPAddress> AddressesOf(ServiceSnapshot service, ImmutableArray<IPAddress> self) =>
        service.Listen.Address is { } one ? [one] : self.Distinct();

    static LbServiceKey CreateKey(ListenEndpoint listen, IPAddress address) => new()
    {
        Address = LbAddress.From(address),
        Port = BigEndianPort.From(listen.Port),
        Protocol = (byte)listen.Protocol,
    };

    /// <summary>One service may name by its address what another means by the interface's own: at the start that is a mistake.</summary>
    /// <exception cref="LoadBalancerException">Two services listen on one endpoint.</exception>
    public static void RejectSharedEndpoints(ImmutableArray<ServiceSnapshot> services, ImmutableArray<IPAddress> self)
    {
        var owners = new Dictionary<LbServiceKey, string>();
        foreach (var service in services)
        {
            foreach (var key in AddressesOf(service, self).Select(address => CreateKey(service.Listen, address)))
            {
                if (!owners.TryAdd(key, service.Name))
                    throw new LoadBalancerException(
                        $"services '{owners[key]}' and '{service.Name}' both listen on {key}. "
                        + "Give one of them another endpoint.");
            }
        }
    }
}
