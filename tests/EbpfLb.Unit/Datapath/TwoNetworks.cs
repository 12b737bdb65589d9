using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A backend that is reached by another interface than the client asks on sees an address that its own network knows,
/// so that the two networks need not know of each other.
/// </summary>
[Case(PacketCase.TwoNetworks)]
public sealed class TwoNetworks
{
    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_backend_on_another_link_sees_the_balancers_address_there(Hook hook, Hosts hosts, bool routesTell)
    {
        using var lb = Balancer.On(hook, routesTell ? null : Balancer.RoutesAreSilent);
        lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080));
        var syn = Some.Syn(hosts);

        lb.Receive(syn).LeavesAs(syn with
        {
            Source = hosts.FarBalancer.Port(40001),
            Destination = hosts.Carol.Port(8080),
            Ttl = (byte)(syn.Ttl - 1),
        });

        lb.HasCounted((LbReason.SentToBackend, 1));
    }

    [Theory, OnEveryHook]
    public void Its_answer_comes_by_that_link_and_reaches_the_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080)));
        var answer = flow.FromBackend(Tcp.Syn | Tcp.Ack);
        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(77) };

        lb.Receive(answer, TestNetwork.Far).LeavesAs(flow.AtClient(answer));
        lb.Receive(data).LeavesAs(flow.AtBackend(data));
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_client_behind_the_router_gets_to_a_backend_on_the_lan_as_well(Hook hook, Hosts hosts, bool routesTell)
    {
        using var lb = Balancer.On(hook, routesTell ? null : Balancer.RoutesAreSilent);
        lb.ServeTcp(hosts.FarBalancer.Port(80), hosts.BackendA.Port(8080));
        var syn = new TcpPacket(hosts.Carol.Port(40001), hosts.FarBalancer.Port(80), Tcp.Syn);

        var opened = lb.Receive(syn, TestNetwork.Far);

        var flow = TestFlow.From(opened);
        opened.LeavesAs(flow.AtBackend(syn));
        Assert.Equal(hosts.Balancer.Port(40001), flow.Nat);
        lb.ForwardsAnswer(flow);
    }

    [Theory, OnEveryHook]
    public void A_backend_on_the_clients_link_sees_the_services_address(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var service = lb.ServeTcp(hosts.Alias.Port(80), hosts.BackendA.Port(8080));

        Assert.Equal(hosts.Alias.Port(40001), lb.Open(hosts.Alice.Port(40001), service).Nat);
    }

    [Theory, OnEveryHook]
    public void A_route_may_name_the_source_address(Hook hook, Hosts hosts)
    {
        Assert.SkipWhen(Balancer.Defaults.FibLookupSrc == 0, "the kernel (before 6.7) does not tell what a route says");
        using var lb = Balancer.On(hook);

        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Erin.Port(8080)));

        Assert.Equal(hosts.Alias.Port(40001), flow.Nat);
    }

    [Theory, OnEveryHook]
    public void Each_backend_of_a_service_has_its_own_next_hop(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080), hosts.Carol.Port(8080));

        TestFlow[] flows = [lb.Open(hosts.Alice.Port(40001), web), lb.Open(hosts.Alice.Port(40002), web)];

        Assert.Equal([hosts.Balancer, hosts.FarBalancer], flows.Select(flow => flow.Nat.Address));
    }

    [Theory, OnEveryHook]
    public void A_client_is_refused_if_replies_could_not_return_through_the_balancer(
        Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        lb.Tables.Links.Remove(TestNetwork.Far.Index);
        lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080), hosts.BackendA.Port(8080));

        lb.RefusesClient(hosts, LbReason.RefuseNoSource);

        lb.Receive(Some.Syn(hosts)).LeavesAs(Some.Syn(hosts) with
        {
            Source = hosts.Balancer.Port(40001),
            Destination = hosts.BackendA.Port(8080),
            Ttl = (byte)(Some.Syn(hosts).Ttl - 1),
        });
    }

    [Theory, OnEveryHook]
    public void A_client_is_refused_if_the_link_has_no_address_of_its_family(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.RoutesAreSilent);
        lb.TakeAddress(TestNetwork.Far, hosts);
        lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080));

        lb.RefusesClient(hosts, LbReason.RefuseNoSource);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.OwnConnections)]
    public void The_ports_of_sockets_count_by_the_address_that_is_sent_from(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.Carol.Port(53));
        using var there = TestNetwork.Shared.OpenSocket(
            hosts.Family, ProtocolType.Udp, socket => socket.Bind(hosts.FarBalancer.Port(45013)));
        using var here = TestNetwork.Shared.OpenSocket(
            hosts.Family, ProtocolType.Udp, socket => socket.Bind(hosts.Balancer.Port(45014)));

        Assert.NotEqual(45013, lb.Open(hosts.Alice.Port(45013), dns).Nat.Port);
        Assert.Equal(45014, lb.Open(hosts.Alice.Port(45014), dns).Nat.Port);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.SameSourcePort)]
    public void Clients_of_two_addresses_share_the_ports_of_the_snat_address(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var one = lb.ServeTcp(hosts.Web, hosts.Carol.Port(80));
        var other = lb.ServeTcp(hosts.Alias.Port(80), hosts.Carol.Port(80));

        TestFlow[] flows = [lb.Open(hosts.Alice.Port(40001), one), lb.Open(hosts.Alice.Port(40001), other)];

        Assert.All(flows, flow => Assert.Equal(hosts.FarBalancer, flow.Nat.Address));
        Assert.NotEqual(flows[0].Nat.Port, flows[1].Nat.Port);
        foreach (var flow in flows)
            lb.ForwardsAnswer(flow, TestNetwork.Far);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.IcmpErrors)]
    public void Icmp_errors_reach_either_network_from_the_other(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080)));
        var upload = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(400) };
        var download = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(400) };

        var toClient = new IcmpError(hosts.Router, IcmpSays.FragmentationNeeded, flow.AtBackend(upload));
        var toBackend = new IcmpError(hosts.Alice, IcmpSays.HostUnreachable, flow.AtClient(download));

        lb.Receive(toClient, TestNetwork.Far).LeavesAs(flow.AtClient(toClient));
        lb.Receive(toBackend).LeavesAs(flow.AtBackend(toBackend));
    }

    [Theory, OverEachIp]
    public void Native_xdp_passes_packets_to_another_interface_to_tc(Hosts hosts)
    {
        using var lb = Balancer.OnNativeXdp();
        lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080));

        lb.Receive(Some.Syn(hosts)).IsPassedUntouched();
        var opened = lb.ReceiveOnTc(Some.Syn(hosts));

        opened.LeavesAs(TestFlow.From(opened).AtBackend(Some.Syn(hosts)));
        lb.HasCounted((LbReason.PassToTc, 1), (LbReason.SentToBackend, 1));
    }
}
