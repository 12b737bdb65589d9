using System.Net.NetworkInformation;

namespace EbpfLb.Networking;

/// <summary>
/// Finds an interface by its name, by an address prefix in CIDR notation, or by <c>default</c>: the one of the default
/// route. The latter two find it under any name.
/// </summary>
static class InterfaceSelector
{
    /// <summary>The interface of the default route: IPv4's, else IPv6's, with the lowest metric.</summary>
    public const string DefaultRoute = "default";

    const string Ipv4Routes = "/proc/thread-self/net/route";
    const string Ipv6Routes = "/proc/thread-self/net/ipv6_route"; // absent if the kernel has no IPv6

    /// <summary>True for the name of an interface.</summary>
    public static bool IsName(string selector) => selector != DefaultRoute && !selector.Contains('/');

    /// <returns>The interface's name.</returns>
    /// <exception cref="LoadBalancerException">There is no such interface, or the kernel did not list them.</exception>
    public static string Resolve(string selector) => Interfaces.Read(all =>
        TryResolve(selector, all) ?? throw new LoadBalancerException(Problem(selector, all)));

    /// <returns>The interface's name; null if there is none.</returns>
    /// <exception cref="LoadBalancerException">The kernel did not list the interfaces.</exception>
    public static string? TryResolve(string selector) => Interfaces.Read(all => TryResolve(selector, all));

    /// <returns>The name of an interface that has one of the addresses; null if there is none.</returns>
    /// <exception cref="LoadBalancerException">The kernel did not list the interfaces.</exception>
    public static string? FindByAddress(IReadOnlyCollection<IPAddress> addresses) =>
        Interfaces.Read(all => FindByAddress(all, addresses.Contains));

    static string? FindByAddress(NetworkInterface[] all, Predicate<IPAddress> isMeant) => all.FirstOrDefault(
        device => device.GetIPProperties().UnicastAddresses.Any(unicast => isMeant(unicast.Address)))?.Name;

    static string? TryResolve(string selector, NetworkInterface[] all)
    {
        if (all.Any(device => device.Name == selector))
            return selector;
        if (selector == DefaultRoute)
            return DefaultInterface(ProcFile.Lines(Ipv4Routes), ProcFile.Lines(Ipv6Routes));
        return IPNetwork.TryParse(selector, out var prefix) ? FindByAddress(all, prefix.Contains) : null;
    }

    /// <param name="ipv4">Lines of /proc/net/route: interface, destination, gateway, flags, …, metric, mask, in hexadecimal.</param>
    /// <param name="ipv6">Lines of /proc/net/ipv6_route: destination, prefix length, …, metric (5), …, flags (8), interface (9).</param>
    public static string? DefaultInterface(IEnumerable<string> ipv4, IEnumerable<string> ipv6)
    {
        const uint Up = 0x1, Reject = 0x200; // linux/route.h: RTF_UP, RTF_REJECT
        var first = ipv4.Skip(1).Select(ProcFile.Fields)
            .Where(route => route is [_, "00000000", _, _, _, _, _, "00000000", ..] && IsUsable(route[3]))
            .MinBy(route => int.Parse(route[6], CultureInfo.InvariantCulture));
        var second = ipv6.Select(ProcFile.Fields)
            .Where(route => route.Length > 9 && route[0].All(digit => digit == '0') && route[1] == "00" && IsUsable(route[8]))
            .MinBy(route => ProcFile.Hex(route[5]));
        return first?[0] ?? second?[9];

        static bool IsUsable(string flags) => (ProcFile.Hex(flags) & (Up | Reject)) == Up;
    }

    static string Problem(string selector, NetworkInterface[] all)
    {
        var names = string.Join(", ", all.Select(device => device.Name));
        return selector == DefaultRoute ? $"there is no default route to take the interface from. There are: {names}."
            : selector.Contains('/') ? $"no network interface has an address in {selector}. There are: {names}."
            : $"there is no network interface '{selector}'. There are: {names}.";
    }
}
