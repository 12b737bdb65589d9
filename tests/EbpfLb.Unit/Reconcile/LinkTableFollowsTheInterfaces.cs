using System.Net;
using EbpfLb.Abi;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Reconcile;

/// <summary>The datapath knows the interfaces that it stands on, and the addresses that they have now.</summary>
public sealed class LinkTableFollowsTheInterfaces
{
    static LbAddress Nothing => default;

    [Fact]
    public void Each_with_its_first_address_of_either_family()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var network = Network();
        var devices = network.Run(() => new[] { NetworkDevice.Find("front"), NetworkDevice.Find("back") });

        Assert.Equal(2, network.Run(() => LinkReconciler.Apply(lb.Tables, devices)));

        Assert.Equal(("front", Address("192.0.2.1"), Nothing), LinkOf(lb, devices[0]));
        Assert.Equal(("back", Address("198.51.100.1"), Address("2001:db8::1")), LinkOf(lb, devices[1]));
    }

    [Fact]
    public void Only_changes_are_written()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var network = Network();
        var devices = network.Run(() => new[] { NetworkDevice.Find("front"), NetworkDevice.Find("back") });
        network.Run(() => LinkReconciler.Apply(lb.Tables, devices));

        Assert.Equal(0, network.Run(() => LinkReconciler.Apply(lb.Tables, devices)));
        network.Configure("address add 198.51.100.9/24 dev front", "address del 192.0.2.1/24 dev front");

        Assert.Equal(1, network.Run(() => LinkReconciler.Apply(lb.Tables, devices)));
        Assert.Equal(("front", Address("198.51.100.9"), Nothing), LinkOf(lb, devices[0]));
    }

    [Fact]
    public void With_its_ethernet_address()
    {
        using var lb = Balancer.On(Hook.Xdp, Balancer.Defaults);
        lb.Tables.EthernetLinks.ClearFirst((int)lb.Tables.EthernetLinks.MaxEntries);
        var network = Network();
        var devices = network.Run(() => new[] { NetworkDevice.Find("front"), NetworkDevice.Find("back") });
        network.Configure("link set front address 02:00:00:00:00:01", "link set back address 02:00:00:00:00:02");
        network.Run(() => LinkReconciler.Apply(lb.Tables, devices));

        network.Configure("link set back address 02:00:00:00:00:03");

        Assert.Equal(1, network.Run(() => LinkReconciler.Apply(lb.Tables, devices)));
        Assert.Equal([new Mac(0x020000000001).LayerOf(301), new Mac(0x020000000003).LayerOf(302), default], Layers(lb, 3));
    }

    [Fact]
    public void A_new_interface_takes_the_place_of_one_that_is_gone()
    {
        using var lb = Balancer.On(Hook.Xdp, Balancer.Defaults);
        lb.Tables.EthernetLinks.ClearFirst((int)lb.Tables.EthernetLinks.MaxEntries);
        var network = Network();
        network.Run(() => LinkReconciler.Apply(lb.Tables, [NetworkDevice.Find("front"), NetworkDevice.Find("back")]));
        lb.Tables.Links.Remove(301);
        network.Configure(
            "link del front", "link add front index 303 type veth peer name front-end", "address add 192.0.2.1/24 dev front");

        network.Run(() => LinkReconciler.Apply(lb.Tables, [NetworkDevice.Find("front")]));

        Assert.Equal([303u, 302u, 0u], Layers(lb, 3).Select(layer => layer.Ifindex));
    }

    [Theory]
    [InlineData("eth0", true)]
    [InlineData("eth", false)]
    [InlineData("eth0.10", false)]
    [InlineData("bond0", true)]
    public void Its_vlans_are_known(string device, bool has) => Assert.Equal(has, LinkLayer.HasVlan(
    [
        "VLAN Dev name\t | VLAN ID", "Name-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD", "eth0.10        | 10  | eth0",
        "blue           | 20  | bond0",
    ], device));

    static LbLinkLayer[] Layers(Balancer lb, int count) => lb.Tables.EthernetLinks.ReadFirst(count);

    static NetworkNamespace Network()
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.Configure(
            "link add front index 301 type veth peer name front-end", "address add 192.0.2.1/24 dev front",
            "link add back index 302 type veth peer name back-end", "address add 198.51.100.1/24 dev back",
            "address add 198.51.100.2/24 dev back", "address add 2001:db8::1/64 dev back nodad");
        return network;
    }

    static (string Name, LbAddress Ip4, LbAddress Ip6) LinkOf(Balancer lb, NetworkDevice device)
    {
        Assert.True(lb.Tables.Links.TryGet((uint)device.Index, out var link));
        return (link.Name, link.Ip4, link.Ip6);
    }

    static LbAddress Address(string text) => LbAddress.From(IPAddress.Parse(text));
}
