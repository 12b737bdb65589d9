using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A consistent algorithm takes a connection up again whose state was lost, on its backend.</summary>
public sealed class ConsistentAlgorithmsResumeFlows
{
    [Theory, OnEveryHook(LbAlgorithm.Maglev), OnEveryHook(LbAlgorithm.SourceHash)]
    public void A_packet_of_an_established_connection_reaches_its_backend(Hook hook, Hosts hosts, Enum algorithm)
    {
        using var lb = Balancer.On(hook);
        var web = Serving(lb, hosts, (LbAlgorithm)algorithm);

        foreach (var port in Enumerable.Range(40001, 20))
        {
            var flow = lb.Open(hosts.Alice.Port(port), web);
            Forget(lb);

            var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(9) };
            lb.Receive(data).LeavesAs(flow.AtBackend(data));
            var answer = flow.FromBackend(Tcp.Ack);
            lb.Receive(answer).LeavesAs(flow.AtClient(answer));
        }
    }

    /// <summary>Only a backend that knows the connection acknowledges its packets; one that does not resets it.</summary>
    [Theory, OnEveryHook]
    public void The_backends_acknowledgement_establishes_it_again(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), Serving(lb, hosts, LbAlgorithm.Maglev));
        Forget(lb);

        lb.Receive(flow.FromClient(Tcp.Psh | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Psh | Tcp.Ack));
        Assert.Empty(lb.Tables.Flows.Keys());
        lb.Receive(flow.FromBackend(Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Psh | Tcp.Ack));

        Assert.Equal((2, 0), (lb.Tables.Flows.Keys().Count, lb.Tables.HalfOpen.Keys().Count));
    }

    [Theory, OnEveryHook]
    public void The_backends_reset_does_not(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), Serving(lb, hosts, LbAlgorithm.Maglev));
        Forget(lb);

        lb.Receive(flow.FromClient(Tcp.Psh | Tcp.Ack));
        lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Psh | Tcp.Ack));

        Assert.Empty(lb.Tables.Flows.Keys());
    }

    [Theory]
    [OnEveryHook(Tcp.Rst), OnEveryHook(Tcp.Rst | Tcp.Ack)]
    [OnEveryHook(Tcp.Syn | Tcp.Ack), OnEveryHook(Tcp.Syn | Tcp.Fin)]
    public void A_segment_that_no_established_connection_sends_is_refused(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        var web = Serving(lb, hosts, LbAlgorithm.Maglev);

        lb.Deliver(new TcpPacket(hosts.Alice.Port(40001), web.At, flags)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
        lb.HasNoFlow();
    }

    [Theory]
    [OnEveryHook(LbAlgorithm.RoundRobin), OnEveryHook(LbAlgorithm.Random), OnEveryHook(LbAlgorithm.LeastConnections)]
    public void Any_other_algorithm_refuses_instead_of_guessing(Hook hook, Hosts hosts, Enum algorithm)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), Serving(lb, hosts, (LbAlgorithm)algorithm));
        Forget(lb);

        lb.Deliver(flow.FromClient(Tcp.Ack)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
    }

    static TestService Serving(Balancer lb, Hosts hosts, LbAlgorithm algorithm)
    {
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80), hosts.BackendC.Port(80));
        lb.Choose(web, algorithm);
        return web;
    }

    static void Forget(Balancer lb)
    {
        foreach (var map in lb.Tables.FlowMaps)
        {
            foreach (var key in map.Keys())
                map.Remove(key);
        }
    }
}
