using System.Net.NetworkInformation;

namespace EbpfLb.Networking;

/// <summary>The interfaces in the calling thread's network namespace.</summary>
static class Interfaces
{
    /// <summary>Reads from all interfaces; some may vanish meanwhile.</summary>
    /// <exception cref="LoadBalancerException">
    /// The kernel did not list them, or a file of it cannot be read.
    /// </exception>
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
