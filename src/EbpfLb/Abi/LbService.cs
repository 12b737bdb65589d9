namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_service_key</c>: where a service listens.</summary>
record struct LbServiceKey
{
    public LbAddress Address;
    public BigEndianPort Port;
    public TransportProtocol Protocol;
    readonly byte _zero;

    /// <summary>As <c>172.20.0.2:80/tcp</c>.</summary>
    public override readonly string ToString() =>
        $"{EndPoints.Format(Address.ToIPAddress(), Port.Value)}/{$"{Protocol}".ToLowerInvariant()}";
}

/// <summary>Mirror of <c>enum lb_algorithm</c>: how a slot of a service's table is chosen for a new flow.</summary>
enum LbAlgorithm : uint
{
    RoundRobin,
    Random,

    /// <summary>By the client's address.</summary>
    SourceHash,

    /// <summary>By all five values of the flow.</summary>
    Maglev,

    /// <summary>The less busy of two random ones, by weight.</summary>
    LeastConnections,
}

/// <summary>Mirror of <c>enum lb_mode</c>: how packets get to the backend, and the answers to the client.</summary>
enum LbMode : byte
{
    /// <summary>Both ways through the balancer, with addresses rewritten.</summary>
    Nat,

    /// <summary>As they are, to the backend's Ethernet address; it answers the client itself.</summary>
    Dsr,

    /// <summary>Behind an outer IP header; the backend answers the client itself.</summary>
    TunnelIpip,

    /// <summary>Behind an outer IP and UDP header; the backend answers the client itself.</summary>
    TunnelGue,
}

/// <summary>Mirror of <c>enum lb_nat_source</c>: the source address of packets to backends in mode nat.</summary>
enum LbNatSource : byte
{
    /// <summary>The service's; as <see cref="Interface"/> if the packet leaves by another interface than it came by.</summary>
    Service,

    /// <summary>The address of the interface that the packet leaves by.</summary>
    Interface,

    /// <summary><see cref="LbService.NatAddress"/>.</summary>
    Address,
}

/// <summary>Mirror of <c>struct lb_service</c>.</summary>
/// <param name="Id">Below the number of entries: indexes slots, rr_counters and counters.</param>
readonly record struct LbService(
    uint Id, LbAlgorithm Algorithm = LbAlgorithm.RoundRobin, LbMode Mode = LbMode.Nat, LbNatSource NatSource = LbNatSource.Service)
{
    readonly ushort _zero;

    /// <summary>Zero unless the source is <see cref="LbNatSource.Address"/>.</summary>
    public LbAddress NatAddress { get; init; }
}
