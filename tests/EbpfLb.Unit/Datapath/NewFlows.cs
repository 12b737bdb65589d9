using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A packet that may open a flow reaches a backend, and every field of it is right.</summary>
public sealed class NewFlows
{
    [Theory, OnEveryHook]
    [Case(PacketCase.NewFlow)]
    public void A_syn_leaves_for_the_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080));
        var syn = Some.Syn(hosts) with { Options = [2, 4, 0x05, 0xb4, 4, 2, 1, 1] };

        var outcome = lb.Receive(syn);

        outcome.LeavesAs(syn with
        {
            Source = hosts.Balancer.Port(40001),
            Destination = hosts.BackendA.Port(8080),
            Ttl = 63,
        });
        lb.HasCounted((LbReason.SentToBackend, 1));
    }

    [Theory, OnEveryHook(0), OnEveryHook(1), OnEveryHook(2), OnEveryHook(63), OnEveryHook(64), OnEveryHook(1201)]
    [Case(PacketCase.NewFlow)]
    public void A_datagram_of_any_length_leaves_for_the_backend(Hook hook, Hosts hosts, int length)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(8080));
        var datagram = new UdpPacket(hosts.Alice.Port(40001), hosts.Web) { Payload = Some.Bytes(length) };

        var outcome = lb.Receive(datagram);

        outcome.LeavesAs(datagram with
        {
            Source = hosts.Balancer.Port(40001),
            Destination = hosts.BackendA.Port(8080),
            Ttl = 63,
        });
        lb.HasCounted((LbReason.SentToBackend, 1));
    }

    [Theory, OnEveryHook]
    public void A_client_behind_a_router_is_answered_through_the_router(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080));
        var syn = new TcpPacket(hosts.Carol.Port(40001), hosts.Web, Tcp.Syn);

        var opened = lb.Receive(syn, TestNetwork.Far);

        var flow = TestFlow.From(opened);
        opened.LeavesAs(flow.AtBackend(syn));
        lb.ForwardsAnswer(flow);
    }

    [Theory, OnEveryHook]
    public void A_backend_in_another_network_is_reached_through_its_router(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.Carol.Port(80));
        var syn = new TcpPacket(hosts.Alice.Port(40001), hosts.Web, Tcp.Syn);

        var outcome = lb.Receive(syn);

        outcome.LeavesAs(syn with
        {
            Source = hosts.FarBalancer.Port(40001),
            Destination = hosts.Carol.Port(80),
            Ttl = 63,
        });
    }

    [Theory, OnEveryHook]
    public void A_backend_behind_an_ipv6_gateway_is_reached_whatever_its_own_ip(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.Dave.Port(80));

        var outcome = lb.Receive(Some.Syn(hosts));

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(Some.Syn(hosts)));
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.Hairpin)]
    public void A_backend_may_be_a_client_of_its_own_service(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var syn = new TcpPacket(hosts.BackendA.Port(40001), hosts.Web, Tcp.Syn);

        var opened = lb.Receive(syn);

        var flow = TestFlow.From(opened);
        opened.LeavesAs(flow.AtBackend(syn));
        lb.ForwardsAnswer(flow);
    }
}
