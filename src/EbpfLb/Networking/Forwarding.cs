using System.Net.Sockets;

namespace EbpfLb.Networking;

/// <summary>
/// Whether the kernel forwards what comes by an interface. Where it does not it tells no way that leads on by another one.
/// </summary>
static class Forwarding
{
    /// <summary>The sysctl setting of IPv4 for all interfaces.</summary>
    public const string GlobalSetting = "net.ipv4.ip_forward";

    /// <summary>The settings that are off, of the families that the interface has an address of.</summary>
    /// <exception cref="LoadBalancerException">The interface is gone, or a setting cannot be read.</exception>
    public static IReadOnlyList<string> DisabledSettings(NetworkDevice device) =>
    [
        .. device.Addresses().Select(address => address.AddressFamily).Distinct()
            .Where(family => !IsEnabled(device.Name, family)).Select(family => Setting(device.Name, family)),
    ];

    /// <summary>Of IPv4, for interfaces that are not told apart.</summary>
    /// <exception cref="LoadBalancerException">The setting cannot be read.</exception>
    public static bool IsEnabled() => IsEnabled("ipv4/ip_forward");

    /// <exception cref="LoadBalancerException">The interface is gone, or its setting cannot be read.</exception>
    public static bool IsEnabled(string device, AddressFamily family) => IsEnabled($"{FamilyName(family)}/conf/{device}/forwarding");

    /// <summary>As sysctl knows it: where an interface's name has a dot, slashes part the words.</summary>
    public static string Setting(string device, AddressFamily family)
    {
        var separator = device.Contains('.', StringComparison.Ordinal) ? '/' : '.';
        return string.Join(separator, "net", FamilyName(family), "conf", device, "forwarding");
    }

    public static string Remedy(string setting) => $"sysctl -w {setting}=1";

    static bool IsEnabled(string setting)
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

    static string FamilyName(AddressFamily family) => family == AddressFamily.InterNetwork ? "ipv4" : "ipv6";
}
