using System.Net.Sockets;

namespace EbpfLb.Hooks;

/// <summary>
/// Whether the kernel forwards what comes by an interface. Where it does not it tells no way that leads on by another one.
/// </summary>
static class Forwarding
{
    /// <summary>The sysctl setting of IPv4 for all interfaces.</summary>
    public const string OverallSetting = "net.ipv4.ip_forward";

    /// <summary>The settings that are off, of the families that the interface has an address of.</summary>
    /// <exception cref="LoadBalancerException">The interface is gone, or a setting cannot be read.</exception>
    public static IReadOnlyList<string> MissingOn(NetworkDevice device) =>
    [
        .. device.Addresses().Select(address => address.AddressFamily).Distinct()
            .Where(family => !IsOn(device.Name, family)).Select(family => Setting(device.Name, family)),
    ];

    /// <summary>Of IPv4, for interfaces that are not told apart.</summary>
    /// <exception cref="LoadBalancerException">The setting cannot be read.</exception>
    public static bool IsOn() => IsOn("ipv4/ip_forward");

    /// <exception cref="LoadBalancerException">The interface is gone, or its setting cannot be read.</exception>
    public static bool IsOn(string device, AddressFamily family) => IsOn($"{Word(family)}/conf/{device}/forwarding");

    /// <summary>As sysctl knows it: where an interface's name has a dot, slashes part the words.</summary>
    public static string Setting(string device, AddressFamily family)
    {
        var separator = device.Contains('.', StringComparison.Ordinal) ? '/' : '.';
        return string.Join(separator, "net", Word(family), "conf", device, "forwarding");
    }

    public static string Remedy(string setting) => $"sysctl -w {setting}=1";

    static bool IsOn(string setting)
    {
        try
        {
            return File.ReadAllText($"/proc/sys/net/{setting}").Trim() != "0";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LoadBalancerException($"whether packets are forwarded is not known: {error.Message}", error);
        }
    }

    static string Word(AddressFamily family) => family == AddressFamily.InterNetwork ? "ipv4" : "ipv6";
}
