using System.Net.NetworkInformation;
using EbpfLb.Native;

namespace EbpfLb.Networking;

/// <summary>The interfaces in the calling thread's network namespace.</summary>
static unsafe class Interfaces
{
    const int NameLength = 16; // IF_NAMESIZE
    const int ListAttempts = 3;

    /// <summary>The current name of an interface; null if there is none with this index.</summary>
    public static string? NameOf(int index)
    {
        var name = stackalloc byte[NameLength];
        return LibC.if_indextoname((uint)index, name) is null ? null : Marshal.PtrToStringUTF8((nint)name);
    }

    /// <summary>The index of an interface; 0 if there is none with this name.</summary>
    public static int IndexOf(string name) => (int)LibC.if_nametoindex(name);

    /// <summary>True if the interface is set down; false if it is up, or gone.</summary>
    public static bool IsDown(string name)
    {
        try
        {
            return !Ethtool.FlagsOf(name).HasFlag(InterfaceFlags.Up);
        }
        catch (NativeException error) when (error.Number == Errno.ENODEV)
        {
            return false;
        }
    }

    /// <summary>Reads from all interfaces; some may vanish meanwhile.</summary>
    /// <exception cref="LoadBalancerException">The kernel did not list them, or a file of it cannot be read.</exception>
    public static T Read<T>(Func<NetworkInterface[], T> read)
    {
        try
        {
            return read(List());
        }
        catch (Exception error) when (error is NetworkInformationException or IOException or UnauthorizedAccessException)
        {
            throw new LoadBalancerException($"listing the network interfaces failed: {error.Message}", error);
        }
    }

    /// <summary>.NET gives two interfaces that vanish during the listing the index 0, and throws ArgumentException.</summary>
    static NetworkInterface[] List()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return NetworkInterface.GetAllNetworkInterfaces();
            }
            catch (ArgumentException error)
            {
                if (attempt == ListAttempts)
                    throw new LoadBalancerException($"listing the network interfaces failed: {error.Message}", error);
            }
        }
    }
}
