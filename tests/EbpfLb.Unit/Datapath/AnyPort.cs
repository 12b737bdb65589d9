using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A service of port 0 takes every port that no other service has, but for those that the local stack hands out; a
/// backend of port 0 gets the port that the client asked for.
/// </summary>
[Case(PacketCase.ManyServices)]
public sealed class AnyPort
{
    [Theory, OnEveryHook(1), OnEveryHook(80), OnEveryHook(8443), OnEveryHook(60999)]
    public void A_connection_to_any_port_reaches_that_port_of_the_backend(Hook hook, Hosts hosts, int port)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Balancer.Port(0), hosts.BackendA.Port(0));
        var syn = new TcpPacket(hosts.Alice.Port(40001), hosts.Balancer.Port(port), Tcp.Syn);

        var opened = lb.Receive(syn);

        var flow = TestFlow.From(opened);
        Assert.Equal(hosts.BackendA.Port(port), flow.Backend);
        opened.LeavesAs(flow.AtBackend(syn));
        lb.ForwardsAnswer(flow);
    }

    [Theory, OnEveryHook]
    public void A_datagram_to_any_port_does_so_too(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Balancer.Port(0), hosts.BackendA.Port(0));
        var datagram = Some.Datagram(hosts) with { Destination = hosts.Balancer.Port(5353) };

        var opened = lb.Receive(datagram);

        Assert.Equal(hosts.BackendA.Port(5353), TestFlow.From(opened).Backend);
        opened.LeavesAs(TestFlow.From(opened).AtBackend(datagram));
    }

    [Theory, OnEveryHook]
    public void A_backend_with_a_port_gets_all_of_them_there(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Balancer.Port(0), hosts.BackendA.Port(8080));

        Packet[] syns =
        [
            Some.Syn(hosts) with { Destination = hosts.Balancer.Port(81) },
            Some.Syn(hosts) with { Destination = hosts.Balancer.Port(82) },
        ];

        var flows = syns.Select(syn => TestFlow.From(lb.Receive(syn))).ToArray();

        Assert.All(flows, flow => Assert.Equal(hosts.BackendA.Port(8080), flow.Backend));
        Assert.NotEqual(flows[0].Nat, flows[1].Nat);
        foreach (var flow in flows)
        {
            lb.ForwardsAnswer(flow);
        }
    }

    [Theory, OnEveryHook]
    public void A_service_of_the_very_port_comes_first(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var any = lb.ServeTcp(hosts.Balancer.Port(0), hosts.BackendA.Port(0));
        var web = lb.ServeTcp(hosts.Web, hosts.BackendB.Port(8080));

        Assert.Equal(hosts.BackendB.Port(8080), lb.Open(hosts.Alice.Port(40001), web).Backend);

        Assert.Equal((1ul, 0ul), (lb.TrafficOf(web).Flows, lb.TrafficOf(any).Flows));
    }

    [Theory, OnEveryHook(61000), OnEveryHook(65535)]
    public void A_port_of_the_local_stacks_own_is_left_to_it(Hook hook, Hosts hosts, int port)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Balancer.Port(0), hosts.BackendA.Port(0));

        lb.Receive(Some.Syn(hosts) with { Destination = hosts.Balancer.Port(port) }).IsPassedUntouched();

        lb.HasCounted((LbReason.PassNoService, 1));
    }

    [Theory, OnEveryHook]
    public void Another_protocol_or_address_has_no_part_in_it(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Balancer.Port(0), hosts.BackendA.Port(0));

        lb.Receive(Some.Datagram(hosts)).IsPassedUntouched();
        lb.Receive(Some.Syn(hosts) with { Destination = hosts.FarBalancer.Port(80) }).IsPassedUntouched();

        lb.HasCounted((LbReason.PassNoService, 2));
    }
}
