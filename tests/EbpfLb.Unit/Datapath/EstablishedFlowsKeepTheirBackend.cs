using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A flow keeps its backend until its connection is over; a SYN after that opens a new one.</summary>
public sealed class EstablishedFlowsKeepTheirBackend
{
    [Theory, OnEveryHook]
    [Case(PacketCase.RepeatedSyn)]
    public void A_retransmitted_syn_keeps_its_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));

        var first = lb.Open(hosts.Alice.Port(40001), web);
        var again = lb.Open(hosts.Alice.Port(40001), web);

        Assert.Equal(first, again);
        Assert.Equal(1ul, lb.TrafficOf(web).Flows);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.RepeatedSyn)]
    public void A_syn_on_an_open_flow_goes_to_the_flows_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var first = lb.Open(
            hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));
        lb.Receive(first.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(first.FromClient(Tcp.Ack));

        var another = first.FromClient(Tcp.Syn) with { Sequence = 0x1234567 };

        lb.Receive(another).LeavesAs(first.AtBackend(another));
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.RepeatedSyn, PacketCase.FlowEnds)]
    public void A_syn_after_both_fins_and_the_last_acknowledgment_opens_a_new_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var first = lb.Open(hosts.Alice.Port(40001), web);
        lb.Close(first);

        var second = lb.Open(hosts.Alice.Port(40001), web);

        Assert.NotEqual(first.Backend, second.Backend);
        Assert.Equal(2ul, lb.TrafficOf(web).Flows);
        var late = first.FromBackend(Tcp.Ack);
        lb.Receive(late).IsPassedUntouched();
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    [Case(PacketCase.RepeatedSyn, PacketCase.FlowEnds)]
    public void A_syn_after_a_reset_from_either_side_opens_a_new_flow(Hook hook, Hosts hosts, bool fromClient)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var first = lb.Open(hosts.Alice.Port(40001), web);
        lb.Receive(fromClient ? first.FromClient(Tcp.Rst) : first.FromBackend(Tcp.Rst | Tcp.Ack));

        var second = lb.Open(hosts.Alice.Port(40001), web);

        Assert.NotEqual(first.Backend, second.Backend);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.FlowEnds)]
    public void A_SYN_of_the_backend_on_an_ended_flow_opens_no_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        lb.Receive(flow.FromClient(Tcp.Rst));

        var syn = flow.FromBackend(Tcp.Syn);
        lb.Receive(syn).LeavesAs(flow.AtClient(syn));

        Assert.Equal(1ul, lb.TrafficOf(web).Flows);
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    [Case(PacketCase.RepeatedSyn)]
    public void A_syn_after_one_fin_alone_keeps_the_flow(Hook hook, Hosts hosts, bool fromClient)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var first = lb.Open(hosts.Alice.Port(40001), web);
        lb.Receive(fromClient ? first.FromClient(Tcp.Fin | Tcp.Ack) : first.FromBackend(Tcp.Fin | Tcp.Ack));

        var again = lb.Open(hosts.Alice.Port(40001), web);

        Assert.Equal(first, again);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.TableChange)]
    public void A_flow_keeps_its_backend_when_the_slot_table_changes(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        Assert.Equal(hosts.BackendA, flow.Backend.Address);

        lb.TakeTurns(web, (hosts.BackendB.Port(80), 1));

        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
        lb.Receive(data).LeavesAs(flow.AtBackend(data));
        Assert.Equal(hosts.BackendB, lb.Open(hosts.Alice.Port(40002), web).Backend.Address);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.BackendLeaves)]
    public void The_last_backend_leaving_does_not_cut_its_flows(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var flow = lb.Open(hosts.Alice.Port(40001), web);

        lb.TakeTurns(web);

        var data = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
        lb.Receive(data).LeavesAs(flow.AtClient(data));
        lb.Deliver(new TcpPacket(hosts.Alice.Port(40002), hosts.Web, Tcp.Syn)).IsPassedUntouched();
        lb.HasRefused(1, LbReason.RefuseNoBackend);
    }

    [Theory, OnEveryHook]
    public void Datagrams_of_one_client_port_stay_on_one_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Balancer.Port(53), hosts.BackendA.Port(53), hosts.BackendB.Port(53));

        var first = lb.Open(hosts.Alice.Port(40001), dns);

        Assert.All(Enumerable.Range(0, 5), _ => Assert.Equal(first, lb.Open(hosts.Alice.Port(40001), dns)));
        Assert.Equal(1ul, lb.TrafficOf(dns).Flows);
    }
}
