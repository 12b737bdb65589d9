using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A flow of which one half was evicted is made whole by the other, or ends whole.</summary>
[Case(PacketCase.TornFlow)]
public sealed class HalfEvictedFlows
{
    static readonly TimeSpan AWhile = TimeSpan.FromSeconds(5);

    [Theory, OnEveryHook]
    public void The_clients_half_brings_back_the_backends(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Established(lb, hosts);
        lb.Tables.Flows.Remove(lb.ReplyKeyOf(flow));

        lb.Pass(AWhile);
        lb.Receive(flow.FromClient(Tcp.Ack));

        var answer = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
    }

    /// <summary>It leads to the client, has carried nothing yet, and claims nothing that the backend has yet to show.</summary>
    [Theory, OnEveryHook]
    public void The_half_that_is_brought_back_is_the_backends_anew(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Established(lb, hosts);
        var key = lb.ReplyKeyOf(flow);
        var former = lb.HalfOf(key);
        lb.Receive(flow.FromClient(Tcp.Fin | Tcp.Ack));
        lb.Tables.Flows.Remove(key);

        lb.Pass(AWhile);
        lb.Receive(flow.FromClient(Tcp.Ack));

        var (reply, forward) = (lb.HalfOf(key), lb.HalfOf(flow.ClientKey));
        Assert.Equal((LbDirection.ToClient, flow.ClientKey.Reversed()), (reply.Direction, reply.Rewritten));
        Assert.Equal((0ul, 0ul, 0), (reply.Packets, reply.Bytes, reply.PathMtu));
        Assert.Equal(LbTcpSeen.Syn | LbTcpSeen.Ack, reply.SeenSegments());
        Assert.Equal(
            (former.Service, former.Backend, former.Mode, forward.OpenedNs),
            (reply.Service, reply.Backend, reply.Mode, reply.OpenedNs));
        Assert.Equal(LbTcpSeen.Syn | LbTcpSeen.Ack | LbTcpSeen.Fin, forward.SeenSegments());
        Assert.True(lb.Tables.Flows.TryGet(key, out _), "it stands with the established ones");
        Assert.Empty(lb.Tables.HalfOpen.Keys());
    }

    [Theory, OnEveryHook]
    public void The_half_that_is_brought_back_counts_the_backends_packets_from_then_on(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Established(lb, hosts);
        var key = lb.ReplyKeyOf(flow);
        lb.Tables.Flows.Remove(key);
        lb.Pass(AWhile);
        lb.Receive(flow.FromClient(Tcp.Ack));

        var answer = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
        lb.Receive(answer);

        Assert.Equal((1ul, (ulong)answer.IpLength), (lb.HalfOf(key).Packets, lb.HalfOf(key).Bytes));
        Assert.Equal(2ul, lb.Reasons()[LbReason.SentToClient]);
    }

    /// <summary>What a client alone has shown, or a stranger in its place, establishes nothing.</summary>
    [Theory, OnEveryHook]
    public void An_opening_flows_half_is_brought_back_among_the_opening_and_has_seen_nothing(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var key = lb.ReplyKeyOf(flow);
        lb.Tables.HalfOpen.Remove(key);

        lb.Pass(AWhile);
        lb.Receive(flow.FromClient(Tcp.Ack));

        Assert.Equal((LbDirection.ToClient, LbTcpSeen.None), (lb.HalfOf(key).Direction, lb.HalfOf(key).SeenSegments()));
        Assert.Equal((0, 2), (lb.Tables.Flows.Keys().Count, lb.Tables.HalfOpen.Keys().Count));
    }

    /// <summary>Else its NAT port would not rest.</summary>
    [Theory, OnEveryHook]
    public void The_half_that_is_brought_back_of_a_flow_that_is_over_is_over(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var key = lb.ReplyKeyOf(flow);
        lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        Assert.True(lb.HalfOf(key).TcpSeen.HasFlag(LbTcpSeen.End));
        lb.Tables.HalfOpen.Remove(key);

        lb.Pass(AWhile);
        lb.Receive(flow.FromClient(Tcp.Ack));

        Assert.Equal(LbTcpSeen.End, lb.HalfOf(key).TcpSeen);
    }

    /// <summary>Else it would expire before the flow, or with it the port of one that is over.</summary>
    [Theory, OnEveryHook]
    public void The_half_that_is_brought_back_has_its_idle_timeout_before_it(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Established(lb, hosts);
        lb.Tables.Flows.Remove(lb.ReplyKeyOf(flow));

        lb.Pass(AWhile);
        lb.Receive(flow.FromClient(Tcp.Ack));

        Assert.Equal(lb.HalfOf(flow.ClientKey).Seen, lb.HalfOf(lb.ReplyKeyOf(flow)).Seen);
    }

    [Theory, OnEveryHook]
    public void A_claim_of_the_backends_half_is_not_brought_back_with_the_clients(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Established(lb, hosts);
        lb.Receive(flow.FromBackend(Tcp.Ack));
        var key = lb.ReplyKeyOf(flow);
        var reply = lb.HalfOf(key);
        lb.Tables.Flows.Set(key, reply with { TcpSeen = reply.TcpSeen | LbTcpSeen.Claimed });
        lb.Tables.Flows.Remove(flow.ClientKey);

        lb.Pass(AWhile);
        lb.Receive(flow.FromBackend(Tcp.Ack));

        Assert.Equal(LbTcpSeen.Syn | LbTcpSeen.Ack, lb.HalfOf(flow.ClientKey).TcpSeen);
    }

    [Theory, OnEveryHook]
    public void The_clients_half_that_is_brought_back_leads_to_the_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Established(lb, hosts);
        lb.Tables.Flows.Remove(flow.ClientKey);

        lb.Pass(AWhile);
        lb.Receive(flow.FromBackend(Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));

        var forward = lb.HalfOf(flow.ClientKey);
        Assert.Equal((LbDirection.ToBackend, 1ul), (forward.Direction, forward.Packets));
        Assert.Equal(3ul, lb.Reasons()[LbReason.SentToBackend]);
    }

    [Theory, OnEveryHook]
    public void The_backends_half_brings_back_the_clients(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Established(lb, hosts);
        var reply = lb.HalfOf(lb.ReplyKeyOf(flow));
        lb.Tables.Flows.Remove(reply.Rewritten.Reversed());

        lb.Pass(AWhile);
        lb.Receive(flow.FromBackend(Tcp.Ack));

        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
        lb.Receive(data).LeavesAs(flow.AtBackend(data));
    }

    [Theory, OnEveryHook]
    public void A_datagram_that_finds_the_backends_half_alone_makes_the_clients_anew(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var flow = lb.Open(hosts.Alice.Port(40001), dns);
        lb.Receive(new UdpPacket(flow.Backend, flow.Nat));
        lb.Open(hosts.Alice.Port(40001), dns);
        lb.Tables.UdpFlows.Remove(lb.HalfOf(lb.ReplyKeyOf(flow)).Rewritten.Reversed());

        Assert.Equal(flow, lb.Open(hosts.Alice.Port(40001), dns));

        Assert.Equal(2, lb.Tables.UdpFlows.Keys().Count);
        var answer = new UdpPacket(flow.Backend, flow.Nat) { Payload = Some.Bytes(10) };
        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
    }

    [Theory, OnEveryHook]
    public void A_flow_whose_port_has_become_anothers_ends_and_leaves_the_other_alone(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var incomplete = Established(lb, hosts);
        var other = TakeOver(lb, incomplete, hosts.Bob.Port(40001));

        lb.Pass(AWhile);
        lb.Deliver(incomplete.FromClient(Tcp.Ack)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
        var answer = other.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
        lb.Receive(answer).LeavesAs(other.AtClient(answer));
        var data = other.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
        lb.Receive(data).LeavesAs(other.AtBackend(data));
    }

    [Theory, OnEveryHook(Tcp.Rst), OnEveryHook(Tcp.Fin | Tcp.Ack)]
    public void The_end_of_a_flow_whose_port_has_become_anothers_is_not_the_others(Hook hook, Hosts hosts, Tcp end)
    {
        using var lb = Balancer.On(hook);
        var incomplete = Established(lb, hosts);
        var other = TakeOver(lb, incomplete, hosts.Bob.Port(40001));
        lb.Receive(other.FromBackend(Tcp.Fin | Tcp.Ack));

        lb.Receive(incomplete.FromClient(end));

        Assert.False(lb.HalfOf(lb.ReplyKeyOf(other)).TcpSeen.HasFlag(LbTcpSeen.End));
    }

    /// <summary>The client gives up its handshake and starts another connection from the same port.</summary>
    [Theory, OnEveryHook]
    public void A_new_flow_leaves_alone_the_flow_that_has_its_old_NAT_port(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var incomplete = lb.Open(hosts.Alice.Port(40001), web);
        lb.Tables.HalfOpen.Remove(lb.ReplyKeyOf(incomplete));
        var other = lb.Open(hosts.Bob.Port(40001), web);
        Assert.Equal(incomplete.Nat, other.Nat);

        var again = incomplete.FromClient(Tcp.Syn) with { Sequence = 0x12345678 };
        Assert.NotEqual(other.Nat, TestFlow.From(lb.Receive(again)).Nat);

        lb.ForwardsAnswer(other);
    }

    /// <summary>Another client's connection, which gets the NAT port of one whose reply's half was evicted.</summary>
    static TestFlow TakeOver(Balancer lb, TestFlow incomplete, IPEndPoint client)
    {
        lb.Tables.Flows.Remove(lb.ReplyKeyOf(incomplete));
        var other = incomplete with { Client = client };
        var syn = other.FromClient(Tcp.Syn);
        lb.Receive(syn).LeavesAs(other.AtBackend(syn));
        lb.Receive(other.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(other.FromClient(Tcp.Ack));
        return other;
    }

    static TestFlow Established(Balancer lb, Hosts hosts)
    {
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        return flow;
    }
}
