using System.Net.Sockets;

namespace EbpfLb.Hooks;

/// <summary>
/// Whether the kernel forwards what comes by an interface. Where it does not it tells no way that leads on by another one.
/// </summary>
static class Forwarding
{
    /// <summary>The settings that are off, each with its interface, for the families that this has an address of.</summary>
    public static IEnumerable<(string Device, string Setting)> MissingOn(IEnumerable<NetworkDevice> devices) =>
        from device in devices
        from family in device.Addresses().Select(address => address.AddressFamily).Distinct()
        where !IsOn(device.Name, family)
        select (device.Name, Setting(device.Name, family));

    public static bool IsOn(string device, AddressFamily family) =>
        File.ReadAllText($"/proc/sys/net/{Word(family)}/conf/{device}/forwarding").Trim() != "0";

    /// <summary>As sysctl knows it: where an interface's name has a dot, slashes part the words.</summary>
    public static string Setting(string device, AddressFamily family)
    {
        var separator = device.Contains('.', StringComparison.Ordinal) ? '/' : '.';
        return string.Join(separator, "net", Word(family), "conf", device, "forwarding");
    }

    public static string Remedy(string setting) => $"sysctl -w {setting}=1";

    static string Word(AddressFamily family) => family == AddressFamily.InterNetwork ? "ipv4" : "ipv6";
}
