using System.Collections.Immutable;
using EbpfLb.Configuration;

namespace EbpfLb.Reconcile;

/// <summary>A service with the addresses that its backends have at one moment.</summary>
sealed record ServiceSnapshot(
    string Name, ListenEndpoint Listen, ImmutableArray<BackendSnapshot> Backends,
    Algorithm Algorithm = Algorithm.RoundRobin, ForwardingMode Mode = ForwardingMode.Nat)
{
    /// <summary>How long a backend that takes no new flow any more may keep those it has.</summary>
    public TimeSpan Drain { get; init; } = ServiceConfiguration.DefaultDrain;

    /// <summary>How its backends are checked; null where they are not.</summary>
    public HealthConfiguration? Health { get; init; }

    public bool Equals(ServiceSnapshot? other) =>
        other is not null && Name == other.Name && Listen == other.Listen && Algorithm == other.Algorithm
        && Mode == other.Mode && Drain == other.Drain
        && Health == other.Health && Backends.SequenceEqual(other.Backends);

    public override int GetHashCode() => HashCode.Combine(Name, Listen, Backends.Length);
}
