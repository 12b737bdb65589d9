using System.Net.NetworkInformation;

namespace EbpfLb.Networking;

/// <summary>The networks of an interface, and the interfaces beside it: they tell its successor after it is gone.</summary>
/// <param name="Networks">Of its addresses, without link-local ones.</param>
/// <param name="Names">The names of all interfaces, the interface itself included.</param>
sealed record InterfaceSurroundings(IReadOnlySet<IPNetwork> Networks, IReadOnlySet<string> Names)
{
    public static InterfaceSurroundings None { get; } = new(new HashSet<IPNetwork>(), new HashSet<string>());

    /// <summary>
    /// Reads both again. The former networks stay while the interface has no address: an engine removes the addresses
    /// before the interface.
    /// </summary>
    /// <exception cref="LoadBalancerException">The kernel did not list the interfaces.</exception>
    public InterfaceSurroundings Refresh(string name) => Interfaces.Read(all =>
    {
        var networks = all.Where(device => device.Name == name).SelectMany(NetworksOf).ToHashSet();
        return new InterfaceSurroundings(networks.Count > 0 ? networks : Networks, all.Select(device => device.Name).ToHashSet());
    });

    /// <summary>The names of interfaces that were added since, and have an address in one of the networks.</summary>
    /// <exception cref="LoadBalancerException">The kernel did not list the interfaces.</exception>
    public IReadOnlyList<string> FindSuccessors() => Interfaces.Read(all => all
        .Where(device => !Names.Contains(device.Name) && Networks.Overlaps(NetworksOf(device)))
        .Select(device => device.Name).ToArray());

    static IEnumerable<IPNetwork> NetworksOf(NetworkInterface device) =>
        from unicast in device.GetIPProperties().UnicastAddresses
        where !unicast.Address.IsIPv6LinkLocal
        select new IPNetwork(unicast.Address, unicast.PrefixLength);
}
