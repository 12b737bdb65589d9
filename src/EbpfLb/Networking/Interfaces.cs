using System.Net.NetworkInformation;

namespace EbpfLb.Networking;

/// <summary>The interfaces of the network namespace that the calling thread lives in.</summary>
static class Interfaces
{
    /// <summary>Reads from all of them, of which some may vanish meanwhile.</summary>
    /// <exception cref="LoadBalancerException">The kernel did not tell, or one of its files could not be read.</exception>
    public static T Read<T>(Func<NetworkInterface[], T> read)
    {
        try
        {
            return read(NetworkInterface.GetAllNetworkInterfaces());
        }
        catch (Exception error) when (error is NetworkInformationException or IOException or UnauthorizedAccessException)
        {
            throw new LoadBalancerException($"asking the kernel for the network interfaces failed: {error.Message}", error);
        }
    }
}
