using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

static class DatapathSettings
{
    /// <param name="eventsPerSecond">The limit of each type of events; 0 for none.</param>
    public static LbSettings Read(EventLevel events, uint eventsPerSecond = 0)
    {
        var ports = SnatPorts.Read();
        return new()
        {
            NatPortMin = SnatPorts.FirstKept,
            NatPortMax = SnatPorts.LastKept,
            SubstitutePortMin = ports.Substitutes.First,
            SubstitutePortMax = ports.Substitutes.Last,
            LocalPortMin = ports.Local.First,
            LocalPortMax = ports.Local.Last,
            EventLevel = (LbEventLevel)events,
            EventsPerSecond = eventsPerSecond,
            IcmpPerSecond = Limits.IcmpPerSecond,
            FibLookupSrc = OperatingSystem.IsOSPlatformVersionAtLeast("Linux", 6, 7) ? 1u : 0u,
        };
    }
}
