using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Reconcile;

/// <summary>Identifies a service in the kernel: one for each address family of a configured service.</summary>
readonly record struct ServiceIdentity(string Name, AddressFamily Family);

/// <summary>A service as desired in the kernel: its endpoints and backends, of one address family.</summary>
/// <param name="Value">The value of its keys, whose id is not known yet.</param>
sealed record KernelService(
    ServiceIdentity Identity, LbService Value, ImmutableArray<LbServiceKey> Keys, ImmutableArray<BackendSnapshot> Backends)
{
    /// <summary>How long a backend that takes no new flow keeps its flows; null to keep the former value.</summary>
    public TimeSpan? Drain { get; init; }

    /// <summary>What happens to established flows of a backend that is down.</summary>
    public DownPolicy OnDown { get; init; }

    /// <summary>A removed service: it listens nowhere, and its backends drain.</summary>
    public static KernelService Removed(ServiceIdentity identity) => new(identity, default, [], []);

    /// <summary>
    /// Splits services by address family. A family with an endpoint but no backend is a service too, so that clients
    /// are refused at once. A named endpoint overrides the same endpoint of the interface: the address may be added
    /// to the interface later, as a virtual one.
    /// </summary>
    /// <param name="self">The addresses of services without one.</param>
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
                   ValueOf(service.Configuration, family.Key),
                   [
                       .. family.Select(address => CreateKey(service.Listen, address))
                           .Where(key => service.Listen.Address is not null || !named.Contains(key)),
                   ],
                   BackendsFor(service, family.Key))
               {
                   Drain = service.Configuration.Drain,
                   OnDown = service.Configuration.OnDown,
               },
        ];
    }

    /// <summary>A family without a NAT address of its own sends from the service's.</summary>
    static LbService ValueOf(ServiceConfiguration service, AddressFamily family)
    {
        var value = new LbService(Id: 0, (LbAlgorithm)service.Algorithm, ModeOf(service));
        if (service.NatSource is [{ Word: SnatSource.Interface }])
            return value with { NatSource = LbNatSource.Interface };
        return service.NatSource.FirstOrDefault(source => source.Family == family).Address is { } address
            ? value with { NatSource = LbNatSource.Address, NatAddress = LbAddress.From(address) }
            : value;
    }

    static LbMode ModeOf(ServiceConfiguration service) => (service.Mode, service.Encapsulation) switch
    {
        (ForwardingMode.Dsr, _) => LbMode.Dsr,
        (ForwardingMode.Tunnel, Encapsulation.Ipip) => LbMode.TunnelIpip,
        (ForwardingMode.Tunnel, _) => LbMode.TunnelGue,
        _ => LbMode.Nat,
    };

    /// <summary>
    /// The backends of clients' own address family. A tunnel carries packets of the other family too: if there are no
    /// backends of their own, clients get those.
    /// </summary>
    static ImmutableArray<BackendSnapshot> BackendsFor(ServiceSnapshot service, AddressFamily family)
    {
        ImmutableArray<BackendSnapshot> own = [.. service.Backends.Where(backend => backend.Address.AddressFamily == family)];
        return own.IsEmpty && service.Mode == ForwardingMode.Tunnel ? service.Backends : own;
    }

    static IEnumerable<IPAddress> AddressesOf(ServiceSnapshot service, ImmutableArray<IPAddress> self) =>
        service.Listen.Address is { } one ? [one] : self.Distinct();

    static LbServiceKey CreateKey(ListenEndpoint listen, IPAddress address) => new()
    {
        Address = LbAddress.From(address),
        Port = BigEndianPort.From(listen.Port),
        Protocol = listen.Protocol,
    };
}
