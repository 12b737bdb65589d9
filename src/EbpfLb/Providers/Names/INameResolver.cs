namespace EbpfLb.Providers.Names;

/// <summary>Resolves host names.</summary>
interface INameResolver
{
    /// <exception cref="SocketException">The name has no address, or no server answers.</exception>
    Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellation);
}

/// <summary>The system's resolver: /etc/hosts and DNS, including a container network's.</summary>
sealed class SystemNameResolver : INameResolver
{
    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellation) =>
        Dns.GetHostAddressesAsync(host, cancellation).WaitAsync(cancellation); // getaddrinfo cannot be cancelled
}
