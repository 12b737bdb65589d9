using System.Net.NetworkInformation;

namespace EbpfLb.Networking;

/// <summary>What is known of an interface's place after it is gone: an engine may put another interface there.</summary>
/// <param name="Networks">The networks of its addresses, without link-local ones.</param>
/// <param name="Names">All interfaces that existed beside it, and itself.</param>
sealed record InterfaceSurroundings(IReadOnlySet<IPNetwork> Networks, IReadOnlySet<string> Names)
{
    public static InterfaceSurroundings None { get; } = new(new HashSet<IPNetwork>(), new HashSet<string>());

    /// <summary>The current ones. An engine removes the addresses first: the networks of before stay if there are none.</summary>
    /// <exception cref="LoadBalancerException">The kernel did not list the interfaces.</exception>
    public InterfaceSurroundings Refresh(string name) => Interfaces.Read(all =>
    {
        var networks = all.Where(device => device.Name == name).SelectMany(NetworksOf).ToHashSet();
        return new InterfaceSurroundings(networks.Count > 0 ? networks : Networks, all.Select(device => device.Name).ToHashSet());
    });

    /// <summary>The names of interfaces that came since, and are in one of the networks.</summary>
    /// <exception cref="LoadBalancerException">The kernel did not list the interfaces.</exception>
    public IReadOnlyList<string> FindSuccessors() => Interfaces.Read(all => all
        .Where(device => !Names.Contains(device.Name) && Networks.Overlaps(NetworksOf(device)))
        .Select(device => device.Name).ToArray());

    static IEnumerable<IPNetwork> NetworksOf(NetworkInterface device) =>
        from unicast in device.GetIPProperties().UnicastAddresses
        where !unicast.Address.IsIPv6LinkLocal
        select new IPNetwork(unicast.Address, unicast.PrefixLength);
}
