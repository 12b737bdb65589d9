using System.Diagnostics;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>In mode dsr the client's packets alone tell when a flow begins in earnest, and when it ends.</summary>
[Case(PacketCase.DirectServerReturn)]
public sealed class DsrFlowLifetimes
{
    [Theory, OnEveryHook]
    public void A_segment_that_follows_its_syn_establishes_a_connection(Hook hook, Hosts hosts)
    {
        using var lb = Serving(hook, hosts);
        lb.Receive(Some.Syn(hosts));

        lb.Receive(Segment(hosts, Tcp.Ack) with { Sequence = Some.Syn(hosts).Sequence });
        lb.Receive(Segment(hosts, Tcp.Ack) with { Sequence = Some.Syn(hosts).Sequence + 2 });
        lb.Receive(Segment(hosts, Tcp.Rst | Tcp.Ack) with { Source = hosts.Bob.Port(1) });
        lb.Receive(Segment(hosts, Tcp.Syn | Tcp.Ack));
        Assert.Equal((0, 1), Halves(lb));

        lb.Receive(Some.Syn(hosts));
        lb.Receive(Segment(hosts, Tcp.Ack));
        Assert.Equal((1, 0), Halves(lb));
    }

    [Theory, OnEveryHook]
    public void Datagrams_and_their_fragments_are_one_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ReturnDirectly(lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80)));
        var pieces = (Some.Datagram(hosts) with { Payload = Some.Bytes(2000) }).Fragment(1, 1480);

        lb.Receive(pieces[0]);
        lb.Receive(pieces[1]);
        lb.Receive(Some.Datagram(hosts));

        Assert.Equal((0, 0), Halves(lb));
        Assert.Equal(3ul, lb.HalfOf(Assert.Single(lb.Tables.UdpFlows.Keys())).Packets);
    }

    [Theory, OnEveryHook(Tcp.Fin | Tcp.Ack), OnEveryHook(Tcp.Rst)]
    public void The_clients_end_is_the_flows(Hook hook, Hosts hosts, Tcp end)
    {
        using var lb = Serving(hook, hosts);
        lb.Receive(Some.Syn(hosts));
        lb.Receive(Segment(hosts, Tcp.Ack));
        Assert.Equal(1, lb.LiveFlowsOf(Web(hosts), hosts.BackendA.Port(80)));

        lb.Receive(Segment(hosts, end));
        lb.Receive(Segment(hosts, end));

        Assert.Equal(0, lb.LiveFlowsOf(Web(hosts), hosts.BackendA.Port(80)));
        var events = lb.ReadEvents();
        Assert.Equal([LbEventType.Opened, LbEventType.Closed], events.Select(happened => happened.Type));
        Assert.All(events, happened => Assert.Equal(
            (Some.Syn(hosts).Source, hosts.Web, hosts.BackendA.Port(80)),
            (happened.Before.Source, happened.Before.Destination, happened.After.Destination)));
        Assert.Equal(3ul, events[1].Packets);
    }

    /// <summary>One flow, however it moves between the tables, and as old as it is.</summary>
    [Theory, OnEveryHook]
    public void A_flow_is_counted_once_and_its_age_from_its_syn(Hook hook, Hosts hosts)
    {
        using var lb = Serving(hook, hosts);
        var began = Stopwatch.GetTimestamp();
        lb.Receive(Some.Syn(hosts));
        lb.Receive(Segment(hosts, Tcp.Ack));
        lb.Pass(TimeSpan.FromSeconds(3));

        lb.Receive(Segment(hosts, Tcp.Rst));

        var closed = lb.ReadEvents()[^1];
        Assert.Equal((LbEventType.Closed, 3ul), (closed.Type, closed.Packets));
        Assert.InRange(
            TimeSpan.FromMicroseconds(closed.DurationNs / 1000.0), TimeSpan.FromSeconds(3),
            TimeSpan.FromSeconds(3) + Stopwatch.GetElapsedTime(began));
        Assert.Equal(1ul, lb.TrafficOf(Web(hosts)).Flows);
        Assert.Equal(1ul, lb.TrafficOf(Web(hosts), hosts.BackendA.Port(80)).Flows);
    }

    [Theory, OnEveryHook]
    public void An_acknowledgement_after_the_clients_fin_reaches_the_backend(Hook hook, Hosts hosts)
    {
        using var lb = Serving(hook, hosts);
        lb.Receive(Some.Syn(hosts));
        lb.Receive(Segment(hosts, Tcp.Fin | Tcp.Ack));

        lb.Receive(Segment(hosts, Tcp.Ack)).LeavesAsItCame(hosts.BackendA);
    }

    [Theory, OnEveryHook]
    public void A_connection_after_the_clients_end_stays_with_the_backend(Hook hook, Hosts hosts)
    {
        using var lb = Serving(hook, hosts);
        lb.Receive(Some.Syn(hosts)).LeavesAsItCame(hosts.BackendA);
        lb.Receive(Segment(hosts, Tcp.Fin | Tcp.Ack));

        lb.Receive(Some.Syn(hosts)).LeavesAsItCame(hosts.BackendA);
        lb.Receive(Segment(hosts, Tcp.Ack)).LeavesAsItCame(hosts.BackendA);

        Assert.Equal((1, 0), Halves(lb));
        Assert.Equal(
            [LbEventType.Opened, LbEventType.Closed, LbEventType.Opened], lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook]
    public void A_flood_of_syns_evicts_no_established_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Off });
        lb.ReturnDirectly(lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(Some.Syn(hosts));
        lb.Receive(Segment(hosts, Tcp.Ack));

        foreach (var client in Some.Clients(hosts, (int)lb.Tables.HalfOpen.MaxEntries + 1000))
            lb.Receive(Some.Syn(hosts) with { Source = client.Port(40001) });

        lb.Receive(Segment(hosts, Tcp.Ack)).LeavesAsItCame(hosts.BackendA);
    }

    [Theory]
    [InlineData(Tcp.Ack, 130 * 60, 1), InlineData(Tcp.Ack, 140 * 60, 0)]
    [InlineData(Tcp.Fin | Tcp.Ack, 125, 1), InlineData(Tcp.Fin | Tcp.Ack, 135, 0)]
    [InlineData(Tcp.Rst, 9, 1), InlineData(Tcp.Rst, 11, 0)]
    public void An_idle_flow_is_collected_after_its_states_time(Tcp last, int seconds, int left)
    {
        using var lb = Serving(Hook.Tc, Hosts.Ip4);
        lb.Receive(Some.Syn(Hosts.Ip4));
        lb.Receive(Segment(Hosts.Ip4, last));
        IsCollected(lb, seconds, left, last == Tcp.Ack);
    }

    [Theory]
    [InlineData(9, 1), InlineData(11, 0)]
    public void A_reset_after_the_clients_fin_leaves_nothing_to_wait_for(int seconds, int left)
    {
        using var lb = Serving(Hook.Tc, Hosts.Ip4);
        lb.Receive(Some.Syn(Hosts.Ip4));
        lb.Receive(Segment(Hosts.Ip4, Tcp.Fin | Tcp.Ack));
        lb.Receive(Segment(Hosts.Ip4, Tcp.Rst) with { Sequence = Some.Syn(Hosts.Ip4).Sequence + 2 });
        IsCollected(lb, seconds, left, isTold: false);
    }

    /// <summary>After so many idle seconds so many flows are left; of one that was live its end is told.</summary>
    static void IsCollected(Balancer lb, int seconds, int left, bool isTold)
    {
        var expired = new List<(LbTuple Client, LbFlow Forward, LbFlow Reply)>();

        new FlowGarbageCollector(lb.Tables, new TimeoutConfiguration(), new Later(TimeSpan.FromSeconds(seconds)), Hosts.Own).Collect(
            (client, forward, reply, _) => expired.Add((client, forward, reply)), TestContext.Current.CancellationToken);

        Assert.Equal(left, lb.Tables.FlowMaps.Sum(map => map.Keys().Count));
        Assert.Equal(left == 0 && isTold ? 1 : 0, expired.Count);
        Assert.All(expired, flow => Assert.Equal(
            (Some.Syn(Hosts.Ip4).Source, Hosts.Ip4.BackendA.Port(80), default),
            (flow.Client.Source, flow.Forward.Rewritten.Destination, flow.Reply)));
    }

    /// <summary>A service with two backends, who answer its clients themselves.</summary>
    static Balancer Serving(Hook hook, Hosts hosts)
    {
        var lb = Balancer.On(hook);
        lb.ReturnDirectly(lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));
        return lb;
    }

    /// <summary>The service that <see cref="Serving"/> has.</summary>
    static TestService Web(Hosts hosts) => new(
        0, hosts.Web, TcpPacket.ProtocolNumber,
        new Dictionary<IPEndPoint, uint> { [hosts.BackendA.Port(80)] = 0, [hosts.BackendB.Port(80)] = 1 });

    /// <summary>What follows the client's SYN.</summary>
    static TcpPacket Segment(Hosts hosts, Tcp flags) =>
        new(Some.Syn(hosts).Source, hosts.Web, flags) { Sequence = Some.Syn(hosts).Sequence + 1 };

    static (int Established, int Opening) Halves(Balancer lb) =>
        (lb.Tables.Flows.Keys().Count, lb.Tables.HalfOpen.Keys().Count);

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() + (long)by.TotalNanoseconds;
    }
}
