using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A SYN or a datagram goes to a backend that is up, also from a source port that has a flow.</summary>
[Case(PacketCase.BackendDown)]
public sealed class BackendsThatAreDown
{
    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_syn_goes_to_a_backend_that_is_up(Hook hook, Hosts hosts, bool isEstablished)
    {
        using var lb = Balancer.On(hook);
        var (web, flow) = Open(lb, hosts);
        if (isEstablished)
            Establish(lb, flow);
        lb.SetState(web, flow.Backend, LbBackendState.Down);

        var next = TestFlow.From(lb.Receive(flow.FromClient(Tcp.Syn)));

        Assert.Equal(hosts.BackendB.Port(80), next.Backend);
        Assert.Equal(0, lb.LiveFlowsOf(web, flow.Backend));
        Assert.Equal([LbEventType.Opened, LbEventType.Closed, LbEventType.Opened], lb.ReadEvents().Select(one => one.Type));
        Establish(lb, next);
        lb.SetState(web, flow.Backend, LbBackendState.Up);
        Assert.Equal(next, TestFlow.From(lb.Receive(next.FromClient(Tcp.Ack))));
    }

    [Theory, OnEveryHook]
    public void A_syn_whose_backend_is_gone_goes_to_another(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (web, flow) = Open(lb, hosts);
        lb.SetState(web, flow.Backend, LbBackendState.Down);
        lb.Tables.Backends.Set(web.Backends[flow.Backend], default);

        Assert.Equal(hosts.BackendB.Port(80), lb.Open(flow.Client, web).Backend);
    }

    [Theory, OnEveryHook(Tcp.Ack), OnEveryHook(Tcp.Psh | Tcp.Ack), OnEveryHook(Tcp.Fin | Tcp.Ack)]
    public void An_established_connection_stays(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        var (web, flow) = Open(lb, hosts);
        Establish(lb, flow);
        lb.SetState(web, flow.Backend, LbBackendState.Down);

        lb.Receive(flow.FromClient(flags)).LeavesAs(flow.AtBackend(flow.FromClient(flags)));
        lb.Receive(flow.FromBackend(flags)).LeavesAs(flow.AtClient(flow.FromBackend(flags)));
    }

    [Theory, OnEveryHook]
    public void A_syn_is_refused_and_its_flow_stays_if_no_backend_is_up(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (web, flow) = Open(lb, hosts);
        Establish(lb, flow);
        lb.SetState(web, hosts.BackendB.Port(80), LbBackendState.Down);
        lb.SetState(web, flow.Backend, LbBackendState.Down);

        lb.Deliver(flow.FromClient(Tcp.Syn)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseNoBackend);
        Assert.Equal(1, lb.LiveFlowsOf(web, flow.Backend));
        lb.Receive(flow.FromClient(Tcp.Ack)).LeavesAs(flow.AtBackend(flow.FromClient(Tcp.Ack)));
    }

    [Theory, OnEveryHook(false), OnEveryHook(true)]
    public void A_datagram_moves_to_a_backend_that_is_up_and_stays_there(Hook hook, Hosts hosts, bool isDirect)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53), hosts.BackendB.Port(53));
        if (isDirect)
            lb.ReturnDirectly(dns);
        lb.Open(hosts.Alice.Port(40001), dns);
        Assert.Equal(1, lb.LiveFlowsOf(dns, hosts.BackendA.Port(53)));
        lb.SetState(dns, hosts.BackendA.Port(53), LbBackendState.Down);

        lb.Open(hosts.Alice.Port(40001), dns);
        Assert.Equal((0, 1), (lb.LiveFlowsOf(dns, hosts.BackendA.Port(53)), lb.LiveFlowsOf(dns, hosts.BackendB.Port(53))));
        lb.SetState(dns, hosts.BackendA.Port(53), LbBackendState.Up);
        lb.Open(hosts.Alice.Port(40001), dns);

        Assert.Equal((0, 1), (lb.LiveFlowsOf(dns, hosts.BackendA.Port(53)), lb.LiveFlowsOf(dns, hosts.BackendB.Port(53))));
    }

    [Theory, OnEveryHook]
    public void A_draining_backend_keeps_the_flows_that_it_has(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (web, flow) = Open(lb, hosts);
        lb.SetState(web, flow.Backend, LbBackendState.Draining);

        Assert.Equal(flow, TestFlow.From(lb.Receive(flow.FromClient(Tcp.Syn))));
    }

    static (TestService Web, TestFlow Flow) Open(Balancer lb, Hosts hosts)
    {
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        Assert.Equal(hosts.BackendA.Port(80), flow.Backend);
        return (web, flow);
    }

    static void Establish(Balancer lb, TestFlow flow)
    {
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
    }
}
