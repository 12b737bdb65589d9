using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A SYN with another number on a flow is a stranger's, or that of a client that has started again. It goes to the
/// flow's backend, which knows; the flow follows what the backend answers.
/// </summary>
[Case(PacketCase.ForgedSegments, PacketCase.RepeatedSyn)]
public sealed class ForgedSyns
{
    const uint Other = 0x1234567;

    static readonly TimeSpan BeforeGivenUp = TimeSpan.FromSeconds(2);
    static readonly TimeSpan UntilGivenUp = TimeSpan.FromSeconds(4);

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_forged_syn_during_a_handshake_changes_nothing(Hook hook, Hosts hosts, bool beforeTheAnswer)
    {
        using var lb = Balancer.On(hook);
        var flow = Open(lb, hosts);

        if (beforeTheAnswer)
            Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = Other });
        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack));
        if (!beforeTheAnswer)
            Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = Other });
        Forward(lb, flow, flow.FromClient(Tcp.Ack));

        Assert.Equal((2, 0), Halves(lb));
        Assert.Equal([LbEventType.Opened], lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook]
    public void Many_forged_syns_change_nothing(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Open(lb, hosts);

        for (var i = 0u; i < 50; i++)
            Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = Other + i });
        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack));
        for (var i = 0u; i < 50; i++)
            Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = Other + i });
        Forward(lb, flow, flow.FromClient(Tcp.Ack));

        Assert.Equal((2, 0), Halves(lb));
    }

    /// <summary>The backend has not seen the first SYN, or has dropped it.</summary>
    [Theory, OnEveryHook]
    public void A_restarted_client_that_the_backend_answers_is_followed(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Open(lb, hosts);

        Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = Other });
        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack) with { Acknowledgment = Other + 1 });
        Forward(lb, flow, flow.FromClient(Tcp.Ack) with { Sequence = Other + 1 });
        Assert.Equal((2, 0), Halves(lb));
        Forward(lb, flow, flow.FromClient(Tcp.Rst) with { Sequence = Other + 1 });

        Assert.Equal([LbEventType.Opened, LbEventType.Closed], lb.ReadEvents().Select(one => one.Type));
    }

    /// <summary>Its FIN follows data that is under way: only who knows the connection's numbers accepts it.</summary>
    [Theory, OnEveryHook]
    public void A_restarted_client_may_begin_below_its_first_number(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Open(lb, hosts);
        var start = flow.FromClient(Tcp.Syn).Sequence - 10_000_000;
        var client = flow.FromClient(Tcp.Ack) with { Sequence = start + 1 };
        var backend = flow.FromBackend(Tcp.Ack);

        Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = start });
        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack) with { Acknowledgment = start + 1 });
        Forward(lb, flow, client);
        Forward(lb, flow, client with { Payload = Some.Bytes(100) });
        Forward(lb, flow, client with { Flags = Tcp.Fin | Tcp.Ack, Sequence = start + 101 });
        Forward(lb, flow, backend with { Flags = Tcp.Fin | Tcp.Ack, Acknowledgment = start + 102 });
        Forward(lb, flow, client with { Sequence = start + 102, Acknowledgment = backend.Sequence + 1 });

        Assert.Equal([LbEventType.Opened, LbEventType.Closed], lb.ReadEvents().Select(one => one.Type));
    }

    /// <summary>The backend answers a SYN that it does not expect by the number that it expects (RFC 5961, 4.2).</summary>
    [Theory, OnEveryHook]
    public void A_restarted_client_that_the_backend_challenges_opens_a_new_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Open(lb, hosts);
        var answer = flow.FromBackend(Tcp.Syn | Tcp.Ack);
        Forward(lb, flow, answer);

        Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = Other });
        Forward(lb, flow, flow.FromBackend(Tcp.Ack));
        Forward(lb, flow, flow.FromClient(Tcp.Rst) with { Sequence = answer.Acknowledgment });
        lb.Receive(flow.FromClient(Tcp.Syn) with { Sequence = Other });

        Assert.Equal(
            [LbEventType.Opened, LbEventType.Closed, LbEventType.Opened], lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook]
    public void A_client_gives_up_a_backend_that_is_silent_for_three_seconds(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Open(lb, hosts);
        var again = flow.FromClient(Tcp.Syn) with { Sequence = Other };

        lb.Pass(BeforeGivenUp);
        Forward(lb, flow, again);
        lb.Pass(UntilGivenUp - BeforeGivenUp);
        Forward(lb, flow, flow.FromClient(Tcp.Syn));
        var next = TestFlow.From(lb.Receive(again));

        Assert.Equal(hosts.BackendB.Port(80), next.Backend);
        Assert.Equal(
            [LbEventType.Opened, LbEventType.Closed, LbEventType.Opened], lb.ReadEvents().Select(one => one.Type));
        Assert.Equal((0, 2), Halves(lb));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack)).IsPassedUntouched();
    }

    [Theory, OnEveryHook]
    public void A_backend_that_has_answered_is_not_given_up(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Open(lb, hosts);
        Forward(lb, flow, flow.FromBackend(Tcp.Syn | Tcp.Ack));

        lb.Pass(UntilGivenUp);

        Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = Other });
    }

    [Theory, OnEveryHook]
    public void In_mode_dsr_a_forged_syn_during_a_handshake_changes_nothing(Hook hook, Hosts hosts)
    {
        using var lb = ServeDirectly(hook, hosts);
        var syn = Some.Syn(hosts);

        Forward(lb, hosts, syn);
        Forward(lb, hosts, syn with { Sequence = Other });
        Forward(lb, hosts, syn with { Sequence = Other + 7 });
        Forward(lb, hosts, Segment(hosts, Tcp.Ack));

        Assert.Equal((1, 0), Halves(lb));
        Assert.Equal([LbEventType.Opened], lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook]
    public void In_mode_dsr_a_restarted_client_is_followed(Hook hook, Hosts hosts)
    {
        using var lb = ServeDirectly(hook, hosts);

        Forward(lb, hosts, Some.Syn(hosts));
        Forward(lb, hosts, Some.Syn(hosts) with { Sequence = Other });
        Forward(lb, hosts, Segment(hosts, Tcp.Ack) with { Sequence = Other + 1 });
        Assert.Equal((1, 0), Halves(lb));
        Forward(lb, hosts, Segment(hosts, Tcp.Rst) with { Sequence = Other + 1 });

        Assert.Equal([LbEventType.Opened, LbEventType.Closed], lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook]
    public void In_mode_dsr_a_client_gives_up_a_handshake_after_three_seconds(Hook hook, Hosts hosts)
    {
        using var lb = ServeDirectly(hook, hosts);
        Forward(lb, hosts, Some.Syn(hosts));

        lb.Pass(UntilGivenUp);

        lb.Receive(Some.Syn(hosts) with { Sequence = Other }).LeavesAsItCame(hosts.BackendB);
    }

    /// <summary>The backend may still send: what the client acknowledges has to reach it.</summary>
    [Theory, OnEveryHook(Tcp.Fin | Tcp.Ack), OnEveryHook(Tcp.Rst)]
    public void In_mode_dsr_forged_syns_after_the_clients_end_move_nothing(Hook hook, Hosts hosts, Tcp end)
    {
        using var lb = ServeDirectly(hook, hosts);
        Forward(lb, hosts, Some.Syn(hosts));
        Forward(lb, hosts, Segment(hosts, Tcp.Ack));
        Forward(lb, hosts, Segment(hosts, end));

        Forward(lb, hosts, Some.Syn(hosts) with { Sequence = Other });
        lb.Pass(UntilGivenUp);
        Forward(lb, hosts, Some.Syn(hosts) with { Sequence = Other + 7 });
        Forward(lb, hosts, Segment(hosts, Tcp.Ack) with { Sequence = Segment(hosts, end).Sequence + 1, Acknowledgment = 99 });

        Assert.Equal((1, 0), Halves(lb));
        Assert.Equal([LbEventType.Opened, LbEventType.Closed], lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook(Tcp.Fin | Tcp.Ack), OnEveryHook(Tcp.Rst)]
    public void In_mode_dsr_a_new_connection_after_the_clients_end_is_counted(Hook hook, Hosts hosts, Tcp end)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ReturnDirectly(lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));
        Forward(lb, hosts, Some.Syn(hosts));
        Forward(lb, hosts, Segment(hosts, Tcp.Ack));
        Forward(lb, hosts, Segment(hosts, end));

        Forward(lb, hosts, Some.Syn(hosts) with { Sequence = Other });
        Assert.Equal(0, lb.LiveFlowsOf(web, hosts.BackendA.Port(80)));
        Forward(lb, hosts, Segment(hosts, Tcp.Ack) with { Sequence = Other + 1 });

        Assert.Equal((1, 0), Halves(lb));
        Assert.Equal((1, 2ul), (lb.LiveFlowsOf(web, hosts.BackendA.Port(80)), lb.TrafficOf(web).Flows));
        Forward(lb, hosts, Segment(hosts, Tcp.Rst) with { Sequence = Other + 1 });
        Assert.Equal(
            [LbEventType.Opened, LbEventType.Closed, LbEventType.Opened, LbEventType.Closed],
            lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook]
    public void In_mode_dsr_a_syn_after_the_clients_end_leaves_a_backend_that_is_down(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ReturnDirectly(lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));
        Forward(lb, hosts, Some.Syn(hosts));
        Forward(lb, hosts, Segment(hosts, Tcp.Fin | Tcp.Ack));

        lb.SetState(web, hosts.BackendA.Port(80), LbBackendState.Down);

        lb.Receive(Some.Syn(hosts) with { Sequence = Other }).LeavesAsItCame(hosts.BackendB);
    }

    static TestFlow Open(Balancer lb, Hosts hosts) => lb.Open(
        hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));

    static Balancer ServeDirectly(Hook hook, Hosts hosts)
    {
        var lb = Balancer.On(hook);
        lb.ReturnDirectly(lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));
        return lb;
    }

    /// <summary>The next one of the client whose connection <see cref="Some.Syn"/> opens.</summary>
    static TcpPacket Segment(Hosts hosts, Tcp flags) =>
        new(Some.Syn(hosts).Source, hosts.Web, flags) { Sequence = Some.Syn(hosts).Sequence + 1 };

    static void Forward(Balancer lb, TestFlow flow, TcpPacket segment) => lb.Receive(segment).LeavesAs(
        segment.Source.Equals(flow.Client) ? flow.AtBackend(segment) : flow.AtClient(segment));

    static void Forward(Balancer lb, Hosts hosts, TcpPacket segment) =>
        lb.Receive(segment).LeavesAsItCame(hosts.BackendA);

    static (int Established, int Opening) Halves(Balancer lb) =>
        (lb.Tables.Flows.Keys().Count, lb.Tables.HalfOpen.Keys().Count);
}
