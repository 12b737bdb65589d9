using System.Net;
using EbpfLb.Abi;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;

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
    public void Only_what_has_changed_is_written()
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
