using EbpfLb.Configuration;

namespace EbpfLb.Health.Tunnels;

/// <summary>A service's endpoint at one backend: packets reach it with an outer header to the backend (mode tunnel).</summary>
/// <param name="service">The service's address.</param>
/// <param name="port">In host byte order.</param>
/// <param name="backend">The outer destination.</param>
/// <param name="ofServices">Addresses of services, which the backend may have as well: none of them is the inner source.</param>
sealed class TunnelEndPoint(
    IPAddress service, int port, IPAddress backend, Encapsulation encapsulation, params ImmutableArray<IPAddress> ofServices)
    : IPEndPoint(service, port)
{
    public IPAddress Backend { get; } = backend;
    public Encapsulation Encapsulation { get; } = encapsulation;
    public ImmutableArray<IPAddress> OfServices { get; } = ofServices;

    /// <summary>A host name that no other endpoint has: one that HTTP connections are told apart by.</summary>
    public string UniqueName => $"{Convert.ToHexString(Backend.GetAddressBytes())}.{Convert.ToHexString(Address.GetAddressBytes())}";

    public override bool Equals(object? other) => other is TunnelEndPoint tunnel && base.Equals(other)
        && Backend.Equals(tunnel.Backend) && Encapsulation == tunnel.Encapsulation
        && OfServices.SequenceEqual(tunnel.OfServices);

    public override int GetHashCode() => HashCode.Combine(base.GetHashCode(), Backend);
}
