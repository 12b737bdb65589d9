using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EbpfLb.Native;

namespace EbpfLb.Networking;

/// <summary>A network interface as the hooks see it.</summary>
/// <param name="Name">As in <c>ip link</c>.</param>
/// <param name="Index">The kernel's number of it.</param>
/// <param name="Driver">The driver's name; empty where it has none.</param>
/// <param name="IsVirtual">No hardware stands behind it: veth, bridge, tunnel and the like.</param>
sealed record NetworkDevice(string Name, int Index, string Driver, bool IsVirtual)
{
    const string Ipv6Addresses = "/proc/thread-self/net/if_inet6"; // absent where the kernel has no IPv6

    /// <exception cref="LoadBalancerException">There is no such interface, or it has no address.</exception>
    public static NetworkDevice Find(string name)
    {
        if (AddressesOf(name).IsEmpty)
            throw new LoadBalancerException(
                $"interface '{name}' has no address that other machines could reach. Give it one first.");
        // Not from /sys: it may show the interfaces of another network namespace.
        var (driver, bus) = Ethtool.DriverOf(name);
        var index = (int)LibC.if_nametoindex(name);
        return new(name, index, driver, IsVirtualBus(bus)) { CanTransmitXdp = VethPeer.ReceivesXdpFrames(index, driver) };
    }

    /// <summary>What drivers without hardware say where others name their bus: nothing, or a word of their own.</summary>
    public static bool IsVirtualBus(string bus) => bus is "" or "N/A" or "tun" or "tap";

    /// <summary>Whether what native XDP sends back by this device gets out; null where the kernel does not tell.</summary>
    public bool? CanTransmitXdp { get; init; } = true;

    /// <summary>Is it there yet, by its name? Another one of this name is not it.</summary>
    public bool IsPresent => LibC.if_nametoindex(Name) == Index;

    /// <summary>The interface's addresses as they are now: IPv4, then IPv6 but for those that hold on the link only.</summary>
    /// <exception cref="LoadBalancerException">It is gone, another one has its name, or the kernel did not tell.</exception>
    public ImmutableArray<IPAddress> Addresses()
    {
        var addresses = AddressesOf(Name);
        var index = (int)LibC.if_nametoindex(Name);
        return index == Index ? addresses : throw new LoadBalancerException(
            $"interface '{Name}' was removed and made anew (its index was {Index} and is {index}); nothing is attached to "
            + "the new one. Start ebpf-lb again.");
    }

    /// <exception cref="LoadBalancerException">There is no such interface, or the kernel did not tell.</exception>
    public static ImmutableArray<IPAddress> AddressesOf(string name) => Interfaces.Read(all => AddressesOf(name, all));

    static ImmutableArray<IPAddress> AddressesOf(string name, NetworkInterface[] all)
    {
        var found = all.FirstOrDefault(candidate => candidate.Name == name)
            ?? throw new LoadBalancerException(
                $"there is no network interface '{name}'. There are: {string.Join(", ", all.Select(device => device.Name))}.");
        var ipv4 = found.GetIPProperties().UnicastAddresses.Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork);
        return [.. ipv4, .. File.Exists(Ipv6Addresses) ? StableIpv6(File.ReadLines(Ipv6Addresses), name) : []];
    }

    /// <summary>
    /// The addresses of an interface that can be listened on, from the lines of if_inet6: address, interface index,
    /// prefix length, scope and flags in hexadecimal, and the name. One that is still being probed for duplicates
    /// (tentative) is among them: no packet comes to it before it is found to be unique.
    /// </summary>
    public static IEnumerable<IPAddress> StableIpv6(IEnumerable<string> lines, string name)
    {
        const int Global = 0, Temporary = 0x01, Duplicate = 0x08; // linux/if_addr.h: IFA_F_TEMPORARY, IFA_F_DADFAILED
        return
            from line in lines
            let field = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            where field[5] == name && Hex(field[3]) == Global && (Hex(field[4]) & (Temporary | Duplicate)) == 0
            select new IPAddress(Convert.FromHexString(field[0]));
    }

    static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
