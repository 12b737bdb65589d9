using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A segment changes a flow only if an endpoint would accept it (RFC 5961). Any other is forwarded.</summary>
[Case(PacketCase.ForgedSegments)]
public sealed class ForgedSegments
{
    const int MaxGap = 128 * 1024;
    const int MaxAckDistance = 1024 * 1024;

    [Theory]
    [OnEveryHook(Tcp.Rst), OnEveryHook(Tcp.Rst | Tcp.Ack), OnEveryHook(Tcp.Fin | Tcp.Ack)]
    public void A_segment_with_a_guessed_number_ends_no_flow(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);

        foreach (var number in new uint[] { 0, 123456789, flow.FromClient(Tcp.Ack).Sequence - 1, flow.FromClient(Tcp.Ack).Sequence + 1 })
        {
            foreach (var forged in new[] { flow.FromClient(flags), flow.FromBackend(flags) })
                Forward(lb, flow, forged with { Sequence = number, Acknowledgment = 99 });
        }

        IsOpen(lb, flow);
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void The_reset_that_the_receiver_expects_ends_the_flow(Hook hook, Hosts hosts, bool fromClient)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);

        Forward(lb, flow, fromClient ? flow.FromClient(Tcp.Rst) : flow.FromBackend(Tcp.Rst));

        IsClosed(lb);
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_reset_behind_unacknowledged_data_ends_the_flow(Hook hook, Hosts hosts, bool answersIt)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);
        var data = flow.FromClient(Tcp.Ack) with { Payload = Some.Bytes(100) };
        Forward(lb, flow, data);

        // A closed socket answers with the number that the data acknowledges, the sender's own reset is the next one.
        Forward(lb, flow, answersIt
            ? flow.FromBackend(Tcp.Rst) with { Sequence = data.Acknowledgment }
            : flow.FromClient(Tcp.Rst) with { Sequence = data.Sequence + 100 });

        IsClosed(lb);
    }

    /// <summary>The data was lost behind the balancer: its receiver expects the number that it acknowledged last.</summary>
    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_reset_at_the_last_acknowledgment_ends_a_flow_with_data_in_flight(Hook hook, Hosts hosts, bool fromClient)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);
        var next = fromClient ? flow.FromClient(Tcp.Ack) : flow.FromBackend(Tcp.Ack);
        Forward(lb, flow, next with { Payload = Some.Bytes(100) });

        Forward(lb, flow, next with { Flags = Tcp.Rst, Sequence = next.Sequence + 50 });
        Assert.DoesNotContain(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
        Forward(lb, flow, next with { Flags = Tcp.Rst });

        IsClosed(lb);
    }

    [Theory, OnEveryHook]
    public void A_refused_syn_ends_the_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        Forward(lb, flow, flow.FromBackend(Tcp.Rst | Tcp.Ack) with { Sequence = 0, Acknowledgment = 1 });
        Forward(lb, flow, flow.FromBackend(Tcp.Rst) with { Sequence = 0 });
        Assert.DoesNotContain(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
        Forward(lb, flow, flow.FromBackend(Tcp.Rst | Tcp.Ack) with { Sequence = 0 });

        IsClosed(lb);
    }

    [Theory, OnEveryHook(MaxGap, true), OnEveryHook(MaxGap + 1, false)]
    public void Segments_may_be_missing_before_a_fin(Hook hook, Hosts hosts, int missing, bool isFollowed)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);

        var fin = flow.FromClient(Tcp.Fin | Tcp.Ack);
        fin = fin with { Sequence = fin.Sequence + (uint)missing };
        Forward(lb, flow, fin);
        Answer(lb, flow, fin);

        Assert.Equal(isFollowed, lb.ReadEvents().Any(one => one.Type == LbEventType.Closed));
    }

    [Theory, OnEveryHook(MaxAckDistance, true), OnEveryHook(MaxAckDistance + 1, false)]
    public void Segments_ahead_need_an_acknowledgment_near_the_last(Hook hook, Hosts hosts, int distance, bool isFollowed)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);

        var fin = flow.FromClient(Tcp.Fin | Tcp.Ack);
        fin = fin with { Sequence = fin.Sequence + 1, Acknowledgment = fin.Acknowledgment + (uint)distance };
        Forward(lb, flow, fin);
        Answer(lb, flow, fin);

        Assert.Equal(isFollowed, lb.ReadEvents().Any(one => one.Type == LbEventType.Closed));
    }

    /// <summary>Retransmissions, reordered and lost segments, keep-alive and window probes.</summary>
    [Theory, OnEveryHook]
    public void A_connection_with_losses_ends_by_its_fins(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);
        var first = flow.FromClient(Tcp.Ack) with { Payload = Some.Bytes(1000) };

        TcpPacket At(uint offset, int length = 1000) =>
            first with { Sequence = first.Sequence + offset, Payload = Some.Bytes(length) };
        TcpPacket Acknowledge(uint offset) =>
            flow.FromBackend(Tcp.Ack) with { Acknowledgment = first.Sequence + offset };

        foreach (var segment in new[]
        {
            At(0), At(2000), At(1000), Acknowledge(3000), At(3000), At(3500, 1500), Acknowledge(5000),
            At(4999, 0), At(4999, 1), Acknowledge(5000), At(8000), At(5000), At(6000), At(7000), Acknowledge(9000),
        })
        {
            Forward(lb, flow, segment);
        }
        IsOpen(lb, flow);
        Forward(lb, flow, At(9000, 500) with { Flags = Tcp.Fin | Tcp.Ack });
        Answer(lb, flow, At(9000, 500) with { Flags = Tcp.Fin | Tcp.Ack });

        IsClosed(lb);
    }

    [Theory, OnEveryHook]
    public void A_wrap_of_the_numbers_changes_nothing(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var syn = new TcpPacket(hosts.Alice.Port(40001), web.At, Tcp.Syn) with { Sequence = uint.MaxValue };
        var flow = TestFlow.From(lb.Receive(syn));
        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack) with { Sequence = uint.MaxValue - 5, Acknowledgment = 0 });
        Forward(lb, flow, flow.FromClient(Tcp.Ack) with { Sequence = 0, Acknowledgment = uint.MaxValue - 4 });
        var data = flow.FromBackend(Tcp.Ack) with { Sequence = uint.MaxValue - 4, Acknowledgment = 0 };
        Forward(lb, flow, data with { Payload = Some.Bytes(100) });

        Forward(lb, flow, data with { Flags = Tcp.Rst, Sequence = 94 });
        Assert.Equal((2, 0), (lb.Tables.Flows.Keys().Count, lb.Tables.HalfOpen.Keys().Count));
        Forward(lb, flow, data with { Flags = Tcp.Rst, Sequence = 95 });

        IsClosed(lb);
    }

    [Theory, OnEveryHook]
    public void A_forged_answer_to_a_syn_establishes_nothing(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack) with { Sequence = 7, Acknowledgment = 1 });
        Forward(lb, flow, flow.FromClient(Tcp.Ack) with { Acknowledgment = 8 });

        Assert.Empty(lb.Tables.Flows.Keys());
    }

    /// <summary>The client is out of sync: the endpoints settle it by a challenge (RFC 5961, 4.2).</summary>
    [Theory, OnEveryHook]
    public void A_client_that_lost_its_state_ends_the_flow_after_a_challenge(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);

        Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = 77 });
        var challenge = flow.FromBackend(Tcp.Ack);
        Forward(lb, flow, challenge);
        IsOpen(lb, flow);
        Forward(lb, flow, flow.FromClient(Tcp.Rst) with { Sequence = challenge.Acknowledgment });

        IsClosed(lb);
    }

    [Theory]
    [OnEveryHook(Tcp.Rst), OnEveryHook(Tcp.Rst | Tcp.Ack), OnEveryHook(Tcp.Fin | Tcp.Ack)]
    public void In_mode_dsr_a_guessed_number_ends_no_flow(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        lb.ReturnDirectly(lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var syn = Some.Syn(hosts);
        lb.Receive(syn);
        var next = new TcpPacket(syn.Source, hosts.Web, Tcp.Ack) { Sequence = syn.Sequence + 1 };
        lb.Receive(next);

        lb.Receive(next with { Flags = flags, Sequence = 123456789, Acknowledgment = 99 });
        lb.Receive(next with { Flags = flags, Sequence = next.Sequence + 1, Acknowledgment = 99 });
        Assert.DoesNotContain(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
        lb.Receive(next with { Flags = flags });

        IsClosed(lb);
    }

    static TestFlow Establish(Balancer lb, Hosts hosts)
    {
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));
        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack));
        Forward(lb, flow, flow.FromClient(Tcp.Ack));
        return flow;
    }

    /// <summary>The backend acknowledges the client's FIN by its own, which the client acknowledges.</summary>
    static void Answer(Balancer lb, TestFlow flow, TcpPacket fin)
    {
        var end = fin.Sequence + (uint)fin.Payload.Length + 1;
        var answer = flow.FromBackend(Tcp.Fin | Tcp.Ack) with { Acknowledgment = end };
        Forward(lb, flow, answer);
        Forward(lb, flow, flow.FromClient(Tcp.Ack) with { Sequence = end, Acknowledgment = answer.Sequence + 1 });
    }

    static void Forward(Balancer lb, TestFlow flow, TcpPacket segment) => lb.Receive(segment).LeavesAs(
        segment.Source.Equals(flow.Client) ? flow.AtBackend(segment) : flow.AtClient(segment));

    static void IsOpen(Balancer lb, TestFlow flow)
    {
        Assert.DoesNotContain(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
        // A SYN would open another flow if this one were over.
        Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = 4711 });
        Assert.Equal((2, 0), (lb.Tables.Flows.Keys().Count, lb.Tables.HalfOpen.Keys().Count));
    }

    static void IsClosed(Balancer lb) => Assert.Single(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
}
