using System.Net;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// The kernel may route by protocol and ports too (<c>ip rule</c>): it is asked about the packet as it leaves, and again
/// where its port has changed since. What is diverted goes by the router, though the hosts are on the LAN.
/// </summary>
public sealed class RoutesByPorts
{
    const int Diverted = 8444;

    [Theory, OnEveryHook(Diverted, true), OnEveryHook(80, false)]
    public void By_the_backends_port(Hook hook, Hosts hosts, int port, bool diverted)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(port));

        TestNetwork.Shared.WithRouteByPort(hosts, hosts.BackendA, $"ipproto tcp dport {Diverted}", () =>
        {
            var flow = lb.Open(hosts.Alice.Port(40001), web);
            Goes(lb.Receive(flow.FromClient(Tcp.Ack)), diverted ? hosts.Router : hosts.BackendA);
        });
    }

    [Theory, OnEveryHook]
    public void By_the_protocol(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(Diverted));

        TestNetwork.Shared.WithRouteByPort(hosts, hosts.BackendA, $"ipproto tcp dport {Diverted}", () =>
        {
            lb.Receive(Some.Datagram(hosts));
            Goes(lb.Receive(Some.Datagram(hosts)), hosts.BackendA);
        });
    }

    [Theory, OnEveryHook(Diverted, true), OnEveryHook(80, false)]
    public void The_reply_is_routed_by_the_services_port(Hook hook, Hosts hosts, int port, bool diverted)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Balancer.Port(port), hosts.BackendA.Port(80)));

        TestNetwork.Shared.WithRouteByPort(hosts, hosts.Alice, $"ipproto tcp sport {Diverted}", () =>
        {
            lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
            Goes(lb.Receive(flow.FromBackend(Tcp.Ack)), diverted ? hosts.Router : hosts.Alice);
        });
    }

    /// <summary>The kernel was asked with the client's own port, which NAT has exchanged: the first packet has the new port's way.</summary>
    [Theory, OnEveryHook]
    public void By_the_snat_port(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with
        {
            NatPortMin = Diverted,
            NatPortMax = Diverted,
            SubstitutePortMin = Diverted,
            SubstitutePortMax = Diverted,
        });
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));

        TestNetwork.Shared.WithRouteByPort(hosts, hosts.BackendA, $"ipproto tcp sport {Diverted}", () =>
        {
            var flow = TestFlow.From(lb.Receive(Some.Syn(hosts)));
            Assert.Equal(Diverted, flow.Nat.Port);
            var way = lb.HalfOf(flow.ClientKey).Nexthop;
            Assert.Equal(Mac.From(hosts.Router), Mac.Read(way.Destination[..]));
        });
    }

    static void Goes(Outcome outcome, IPAddress neighbour) => Assert.Equal(Mac.From(neighbour), Mac.Read(outcome.Left));
}
