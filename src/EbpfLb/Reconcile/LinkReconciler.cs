using EbpfLb.Abi;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>Writes the attached interfaces, their current addresses and link layers.</summary>
static class LinkReconciler
{
    /// <summary>One pass.</summary>
    /// <returns>The number of interfaces that changed.</returns>
    /// <exception cref="LoadBalancerException">An interface is gone.</exception>
    public static int Apply(LbTables tables, IEnumerable<NetworkDevice> devices) =>
        devices.Count(device => ApplyLink(tables, device) | ApplyLinkLayer(tables, device));

    static bool ApplyLink(LbTables tables, NetworkDevice device)
    {
        var addresses = device.Addresses();
        var desired = new LbLink
        {
            Name = device.Name,
            Ip4 = FirstAddress(AddressFamily.InterNetwork, addresses),
            Ip6 = FirstAddress(AddressFamily.InterNetworkV6, addresses),
        };
        var key = (uint)device.Index;
        if (tables.Links.TryGet(key, out var held) && Fields(held) == Fields(desired))
            return false;
        tables.Links.Set(key, desired);
        return true;
    }

    static bool ApplyLinkLayer(LbTables tables, NetworkDevice device)
    {
        var layer = LinkLayer.Read(Interfaces.NameOf(device.Index) ?? device.Name);
        var desired = new LbLinkLayer
        {
            Ifindex = (uint)device.Index,
            HidesTags = Convert.ToByte(layer.HidesTags),
            IsBare = Convert.ToByte(!layer.IsEthernet),
        };
        layer.Address.CopyTo(desired.Address[..]);
        var place = PlaceOf(tables, desired.Ifindex);
        if (tables.EthernetLinks.TryGet(place, out var held) && held == desired)
            return false;
        tables.EthernetLinks.Set(place, desired);
        return true;
    }

    /// <summary>The element that the interface has, or else the first that no attached one has.</summary>
    static uint PlaceOf(LbTables tables, uint ifindex)
    {
        uint? vacant = null;
        for (var place = 0u; place < tables.EthernetLinks.MaxEntries; place++)
        {
            tables.EthernetLinks.TryGet(place, out var held);
            if (held.Ifindex == ifindex)
                return place;
            if (held.Ifindex == 0 || !tables.Links.TryGet(held.Ifindex, out _))
                vacant ??= place;
        }
        return vacant ?? throw new LoadBalancerException("map ethernet_links is full: attach to fewer interfaces.");
    }

    static LbAddress FirstAddress(AddressFamily family, ImmutableArray<IPAddress> addresses) =>
        addresses.FirstOrDefault(address => address.AddressFamily == family) is { } first ? LbAddress.From(first) : default;

    static (string Name, LbAddress Ip4, LbAddress Ip6) Fields(LbLink link) => (link.Name, link.Ip4, link.Ip6);
}
