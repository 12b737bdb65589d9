using EbpfLb.Configuration;

namespace EbpfLb.Reconcile;

/// <summary>A service with its backends' addresses at one moment.</summary>
sealed record ServiceSnapshot(
    string Name, ListenEndpoint Listen, ImmutableArray<BackendSnapshot> Backends,
    Algorithm Algorithm = Algorithm.RoundRobin, ForwardingMode Mode = ForwardingMode.Nat)
{
    /// <summary>How long a backend that takes no new flow may keep its flows.</summary>
    public TimeSpan Drain { get; init; } = ServiceConfiguration.DefaultDrain;

    /// <summary>What happens to established flows of a backend that is down.</summary>
    public DownPolicy OnDown { get; init; }

    /// <summary>In mode tunnel.</summary>
    public Encapsulation Encapsulation { get; init; }

    /// <summary>In mode nat; empty for the address of the service.</summary>
    public ImmutableArray<SnatSource> NatSource { get; init; } = [];

    /// <summary>Null if its backends are not checked.</summary>
    public HealthConfiguration? Health { get; init; }

    /// <summary>
    /// False for a backend of another address family than the service's address: no packet can reach it, unless a tunnel
    /// carries it.
    /// </summary>
    public bool CanReach(BackendSnapshot backend) =>
        Mode == ForwardingMode.Tunnel || Listen.Address is not { } address || address.AddressFamily == backend.Address.AddressFamily;

    public bool Equals(ServiceSnapshot? other) =>
        other is not null && Name == other.Name && Listen == other.Listen && Algorithm == other.Algorithm
        && Mode == other.Mode && Encapsulation == other.Encapsulation && Drain == other.Drain && OnDown == other.OnDown
        && NatSource.SequenceEqual(other.NatSource) && Health == other.Health && Backends.SequenceEqual(other.Backends);

    public override int GetHashCode() => HashCode.Combine(Name, Listen, Backends.Length);
}
