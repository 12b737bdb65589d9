using System.Globalization;
using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Datapath;

/// <summary>
/// The constants of the programs: the source ports for NAT, events and limits. NAT leaves the local port range to the
/// local stack.
/// </summary>
static class DatapathSettings
{
    const string RangeFile = "/proc/sys/net/ipv4/ip_local_port_range";
    const ushort FirstUnprivileged = 1024;

    /// <exception cref="LoadBalancerException">No port is left for NAT.</exception>
    public static LbSettings Create(EventLevel events)
    {
        var settings = Read(events);
        if (settings.LocalPortMin <= settings.NatPortMin && settings.LocalPortMax >= settings.NatPortMax)
            throw new LoadBalancerException(
                $"net.ipv4.ip_local_port_range, {settings.LocalPortMin} to {settings.LocalPortMax}, leaves no port for "
                + "connections to backends. Make it smaller: sysctl -w net.ipv4.ip_local_port_range='61000 65535'.");
        return settings;
    }

    /// <summary>The same without the check that NAT has a port.</summary>
    public static LbSettings Read(EventLevel events)
    {
        var range = File.ReadAllText(RangeFile).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return new()
        {
            NatPortMin = FirstUnprivileged,
            NatPortMax = ushort.MaxValue,
            LocalPortMin = ushort.Parse(range[0], CultureInfo.InvariantCulture),
            LocalPortMax = ushort.Parse(range[1], CultureInfo.InvariantCulture),
            EventLevel = (LbEventLevel)events,
            IcmpPerSecond = Limits.IcmpPerSecond,
            FibLookupSrc = OperatingSystem.IsOSPlatformVersionAtLeast("Linux", 6, 7) ? 1u : 0u,
        };
    }
}
