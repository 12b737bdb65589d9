using System.Collections.Immutable;
using System.Net;
using EbpfLb.Configuration;

namespace EbpfLb.Providers;

/// <summary>A service with the addresses that its backends have at one moment.</summary>
sealed record ServiceSnapshot(
    string Name, ListenEndpoint Listen, ImmutableArray<BackendSnapshot> Backends,
    Algorithm Algorithm = Algorithm.RoundRobin, ForwardingMode Mode = ForwardingMode.Nat)
{
    public bool Equals(ServiceSnapshot? other) =>
        other is not null && Name == other.Name && Listen == other.Listen && Algorithm == other.Algorithm
        && Mode == other.Mode && Backends.SequenceEqual(other.Backends);

    public override int GetHashCode() => HashCode.Combine(Name, Listen, Backends.Length);
}

/// <summary>One address of a backend.</summary>
/// <param name="Address">IPv4 or IPv6.</param>
/// <param name="Port">In host byte order.</param>
/// <param name="Weight">0 to 100; 0 takes no new flow.</param>
/// <param name="Host">The name or address by which the user configured it.</param>
sealed record BackendSnapshot(IPAddress Address, ushort Port, int Weight, string Host);
