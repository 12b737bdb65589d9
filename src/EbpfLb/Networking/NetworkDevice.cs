using System.Net.NetworkInformation;
using EbpfLb.Native;

namespace EbpfLb.Networking;

/// <summary>A network interface. Its index identifies it while it exists; its name may change.</summary>
/// <param name="Name">As in <c>ip link</c> when it was found.</param>
/// <param name="Driver">The driver's name, or empty.</param>
/// <param name="IsVirtual">True without hardware: veth, bridge, tunnel and the like.</param>
sealed record NetworkDevice(string Name, int Index, string Driver, bool IsVirtual)
{
    const string Ipv6Addresses = "/proc/thread-self/net/if_inet6"; // absent if the kernel has no IPv6

    /// <param name="selector">See <see cref="InterfaceSelector"/>.</param>
    /// <exception cref="LoadBalancerException">The interface does not exist, has no address, or is the loopback.</exception>
    public static NetworkDevice Find(string selector)
    {
        var name = InterfaceSelector.Resolve(selector);
        if (AddressesOf(name).IsEmpty)
            throw new LoadBalancerException(
                $"interface '{name}' has no address that other machines could reach. Run `ip address add ADDRESS/LENGTH dev {name}`.");
        if (Ethtool.FlagsOf(name).HasFlag(InterfaceFlags.Loopback))
            throw new LoadBalancerException(
                $"'{name}' is the loopback, where packets of this machine alone arrive. Name the interface that packets of other machines arrive on.");
        return Read(name);
    }

    /// <param name="name">Of any interface, with addresses or without.</param>
    /// <exception cref="LoadBalancerException">The interface does not exist.</exception>
    public static NetworkDevice Read(string name)
    {
        // not from /sys, which may show another network namespace
        var (driver, bus) = Ethtool.DriverOf(name);
        var index = Interfaces.IndexOf(name);
        return new(name, index, driver, IsVirtualBus(bus))
        {
            CanTransmitXdp = VethPeer.ReceivesXdpFrames(index, driver),
            IsEthernet = LinkLayer.Read(name).IsEthernet,
        };
    }

    /// <summary>Drivers without hardware report an empty bus or a word of their own.</summary>
    public static bool IsVirtualBus(string bus) => bus is "" or "N/A" or "tun" or "tap";

    /// <summary>True if frames sent by native XDP leave the device; null if unknown.</summary>
    public bool? CanTransmitXdp { get; init; } = true;

    /// <summary>As <see cref="LinkLayer.IsEthernet"/>.</summary>
    public bool IsEthernet { get; init; } = true;

    /// <summary>True if the interface exists, under any name.</summary>
    public bool IsPresent => Interfaces.NameOf(Index) is not null;

    /// <summary>The current addresses: IPv4, then IPv6 without link-local ones.</summary>
    /// <exception cref="LoadBalancerException">The interface is gone, or the kernel did not list them.</exception>
    public ImmutableArray<IPAddress> Addresses() => Interfaces.NameOf(Index) is { } name
        ? AddressesOf(name)
        : throw new LoadBalancerException($"interface '{Name}' is gone.");

    /// <exception cref="LoadBalancerException">The interface does not exist, or the kernel did not list it.</exception>
    public static ImmutableArray<IPAddress> AddressesOf(string name) => Interfaces.Read(all => AddressesOf(name, all));

    static ImmutableArray<IPAddress> AddressesOf(string name, NetworkInterface[] all)
    {
        var found = all.FirstOrDefault(candidate => candidate.Name == name)
            ?? throw new LoadBalancerException(
                $"there is no network interface '{name}'. There are: {string.Join(", ", all.Select(device => device.Name))}.");
        var ipv4 = found.GetIPProperties().UnicastAddresses.Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork);
        return [.. ipv4, .. StableIpv6(ProcFile.Lines(Ipv6Addresses), name)];
    }

    /// <summary>
    /// The addresses to listen on, from lines of if_inet6: address, index, prefix length, scope and flags in
    /// hexadecimal, and the name. Tentative addresses are included: they receive no packet before they are verified.
    /// </summary>
    public static IEnumerable<IPAddress> StableIpv6(IEnumerable<string> lines, string name)
    {
        const int Global = 0, Temporary = 0x01, Duplicate = 0x08; // linux/if_addr.h: IFA_F_TEMPORARY, IFA_F_DADFAILED
        return
            from line in lines
            let field = ProcFile.Fields(line)
            where field[5] == name && ProcFile.Hex(field[3]) == Global && (ProcFile.Hex(field[4]) & (Temporary | Duplicate)) == 0
            select new IPAddress(Convert.FromHexString(field[0]));
    }
}
