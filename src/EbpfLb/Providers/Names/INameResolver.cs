using System.Net;
using System.Net.Sockets;

namespace EbpfLb.Providers.Names;

/// <summary>Finds the addresses of host names.</summary>
interface INameResolver
{
    /// <exception cref="SocketException">The name has no address, or nobody who knows answers.</exception>
    Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellation);
}

/// <summary>The machine's own resolver: /etc/hosts and DNS, a container network's included.</summary>
sealed class SystemNameResolver : INameResolver
{
    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellation) =>
        Dns.GetHostAddressesAsync(host, cancellation).WaitAsync(cancellation); // the C library's part does not cancel
}
