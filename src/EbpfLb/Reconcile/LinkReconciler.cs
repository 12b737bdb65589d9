using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>Writes the attached interfaces and their current addresses.</summary>
static class LinkReconciler
{
    /// <summary>One pass.</summary>
    /// <returns>The number of written entries.</returns>
    /// <exception cref="LoadBalancerException">An interface is gone.</exception>
    public static int Apply(LbTables tables, IEnumerable<NetworkDevice> devices)
    {
        var changes = 0;
        foreach (var device in devices)
        {
            var desired = CreateLink(device.Name, device.Addresses());
            var key = (uint)device.Index;
            if (tables.Links.TryGet(key, out var held) && Fields(held) == Fields(desired))
                continue;
            tables.Links.Set(key, desired);
            changes++;
        }
        return changes;
    }

    static LbLink CreateLink(string name, ImmutableArray<IPAddress> addresses) => new()
    {
        Name = name,
        Ip4 = FirstAddress(AddressFamily.InterNetwork, addresses),
        Ip6 = FirstAddress(AddressFamily.InterNetworkV6, addresses),
    };

    static LbAddress FirstAddress(AddressFamily family, ImmutableArray<IPAddress> addresses) =>
        addresses.FirstOrDefault(address => address.AddressFamily == family) is { } first ? LbAddress.From(first) : default;

    static (string Name, LbAddress Ip4, LbAddress Ip6) Fields(LbLink link) => (link.Name, link.Ip4, link.Ip6);
}
