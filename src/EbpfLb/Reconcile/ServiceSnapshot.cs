using EbpfLb.Configuration;

namespace EbpfLb.Reconcile;

/// <summary>A service with its backends' addresses at one moment.</summary>
/// <param name="Configuration">Its settings; the backends in it may be names.</param>
/// <param name="Backends">One for each address.</param>
sealed record ServiceSnapshot(ServiceConfiguration Configuration, ImmutableArray<BackendSnapshot> Backends)
{
    public string Name => Configuration.Name;

    public ListenEndpoint Listen => Configuration.Listen;

    public ForwardingMode Mode => Configuration.Mode;

    public HealthConfiguration? Health => Configuration.Health;

    /// <summary>
    /// False for a backend of another address family than the service's address: no packet can reach it, unless a tunnel
    /// carries it.
    /// </summary>
    public bool CanReach(BackendSnapshot backend) =>
        Mode == ForwardingMode.Tunnel || Listen.Address is not { } address || address.AddressFamily == backend.Address.AddressFamily;

    public bool Equals(ServiceSnapshot? other) =>
        other is not null && Configuration == other.Configuration && Backends.SequenceEqual(other.Backends);

    public override int GetHashCode() => HashCode.Combine(Configuration, Backends.Length);
}
