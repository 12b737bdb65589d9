namespace EbpfLb.Networking;

/// <summary>The kernel's IP forwarding. Without it FIB look-ups return no next hop on another interface.</summary>
static class Forwarding
{
    /// <summary>The IPv4 sysctl for all interfaces.</summary>
    public const string GlobalSetting = "net.ipv4.ip_forward";

    /// <summary>The disabled sysctls, for the address families that the interface has.</summary>
    /// <exception cref="LoadBalancerException">The interface is gone, or a sysctl cannot be read.</exception>
    public static IReadOnlyList<string> DisabledSettings(NetworkDevice device) =>
    [
        .. device.Addresses().Select(address => address.AddressFamily).Distinct()
            .Where(family => !IsEnabled(device.Name, family)).Select(family => Setting(device.Name, family)),
    ];

    /// <summary>IPv4 forwarding for all interfaces.</summary>
    /// <exception cref="LoadBalancerException">The sysctl cannot be read.</exception>
    public static bool IsEnabled() => IsEnabled("ipv4/ip_forward");

    /// <exception cref="LoadBalancerException">The interface is gone, or its sysctl cannot be read.</exception>
    public static bool IsEnabled(string device, AddressFamily family) => IsEnabled($"{FamilyName(family)}/conf/{device}/forwarding");

    /// <summary>The sysctl's name; with slashes if the interface's name has a dot.</summary>
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
            throw new LoadBalancerException($"reading the forwarding sysctl failed: {error.Message}", error);
        }
    }

    static string FamilyName(AddressFamily family) => family == AddressFamily.InterNetwork ? "ipv4" : "ipv6";
}
