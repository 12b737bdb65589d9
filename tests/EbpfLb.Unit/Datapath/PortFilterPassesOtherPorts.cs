using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A packet whose ports are no service's and no backend's is passed before a flow is looked up.</summary>
[Case(PacketCase.NotOurs)]
public sealed class PortFilterPassesOtherPorts
{
    [Theory, OnEveryHook]
    public void A_flow_with_ports_that_were_not_allowed_is_not_found(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var stranger = new TestFlow(
            hosts.Alice.Port(40001), hosts.Balancer.Port(4443), hosts.Balancer.Port(40001), hosts.BackendA.Port(4444));

        lb.FiltersOut(stranger);
    }

    /// <summary>The filter keeps 64 ports to a word, from the lowest bit on.</summary>
    [Theory, OnEveryHook(64), OnEveryHook(64 + 31), OnEveryHook(64 + 32), OnEveryHook(64 + 63)]
    public void A_service_is_reached_at_every_bit_of_the_port_filter(Hook hook, Hosts hosts, int port)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Balancer.Port(port), hosts.BackendA.Port(port)));

        lb.ForwardsAnswer(flow);

        lb.Receive(new TcpPacket(hosts.Alice.Port(40001), hosts.Balancer.Port(port ^ 32), Tcp.Syn)).IsPassedUntouched();
    }

    [Theory, OnEveryHook]
    public void Flows_outlive_the_service_that_they_were_opened_for(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));
        lb.RemoveServices();

        lb.ForwardsBothWays(flow);
    }

    [Theory, OnEveryHook]
    public void Packets_of_an_any_port_service_match_on_every_port(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var any = lb.ServeTcp(hosts.Balancer.Port(0), hosts.BackendA.Port(0));
        lb.Tables.PortFilter.Allow(TransportProtocol.Udp, 53, [53]);

        foreach (var port in (int[])[1, 63, 64, 40000, 65535 - 5000])
        {
            var opened = lb.Receive(Some.Syn(hosts) with { Destination = hosts.Balancer.Port(port) });
            var flow = TestFlow.From(opened);
            lb.ForwardsAnswer(flow);
        }

        Assert.Equal(5ul, lb.TrafficOf(any).Flows);
    }
}
