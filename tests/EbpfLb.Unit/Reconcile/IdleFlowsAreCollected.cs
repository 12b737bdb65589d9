using System.Net;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Reconcile;

public sealed class IdleFlowsAreCollected
{
    static readonly IPEndPoint A = Hosts.Ip4.BackendA.Port(80);
    static readonly IPEndPoint Client = Hosts.Ip4.Alice.Port(40000);

    readonly List<LbTuple> _expired = [];
    TimeoutConfiguration _timeouts = new();

    [Theory]
    [InlineData(29, 1)]
    [InlineData(32, 0)]
    [Case(PacketCase.FlowEnds)]
    public void A_handshake_that_never_completes_is_removed_after_half_a_minute(int seconds, int left)
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.Open(Client, lb.ServeTcp(Hosts.Ip4.Web, A));

        Assert.Equal(left, Collect(lb, TimeSpan.FromSeconds(seconds)).Values.Sum());
        Assert.Equal(2 * left, lb.Tables.FlowMaps.SelectMany(map => map.Keys()).Count());
        Assert.Equal(1 - left, _expired.Count);
    }

    [Theory]
    [InlineData(130, 1)]
    [InlineData(140, 0)]
    public void An_established_connection_may_idle_for_over_two_hours(int minutes, int left)
    {
        using var lb = Balancer.On(Hook.Tc);
        Establish(lb);

        Assert.Equal(left, Collect(lb, TimeSpan.FromMinutes(minutes)).Values.Sum());
    }

    [Fact]
    public void A_connection_that_ended_is_removed_soon_while_its_port_rests()
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = Establish(lb);
        lb.Close(flow);

        Collect(lb, TimeSpan.FromSeconds(9));
        Assert.Equal(2, lb.Tables.FlowMaps.Sum(map => map.Keys().Count));
        Collect(lb, TimeSpan.FromSeconds(11));

        Assert.Equal(1, RestingPorts.Count(lb.Tables));
        Assert.Empty(lb.Tables.FlowMaps.SelectMany(map => map.Keys()));
        Assert.Empty(_expired);
    }

    [Theory]
    [InlineData(55, 1)]
    [InlineData(62, 0)]
    public void A_udp_flow_may_idle_for_a_minute(int seconds, int left)
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.Open(Client, lb.ServeUdp(Hosts.Ip4.Web, A));

        Assert.Equal(left, Collect(lb, TimeSpan.FromSeconds(seconds)).Values.Sum());
        Assert.Equal(1 - left, _expired.Count);
    }

    /// <summary>Flows know the time of their last packet to 4 ms.</summary>
    [Theory]
    [InlineData(490, 1)]
    [InlineData(510, 0)]
    public void A_configured_timeout_applies_to_its_state_alone(int milliseconds, int left)
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.Open(Client, lb.ServeTcp(Hosts.Ip4.Web, A));
        lb.Open(Client, lb.ServeUdp(Hosts.Ip4.Web, A)); // the last packet, from which on time is counted
        _timeouts = new() { Udp = TimeSpan.FromMilliseconds(500) };

        Assert.Equal(1 + left, Collect(lb, TimeSpan.FromMilliseconds(milliseconds)).Values.Sum());
        Assert.All(_expired, expired => Assert.Equal((byte)TransportProtocol.Udp, expired.Protocol));
    }

    [Fact]
    public void Every_state_has_a_timeout_of_its_own()
    {
        using var lb = Balancer.On(Hook.Tc);
        Establish(lb);
        var other = Hosts.Ip4.BackendB.Port(80);
        lb.Open(Client, lb.ServeTcp(Hosts.Ip4.Web.Address.Port(81), other));
        _timeouts = new() { Established = TimeSpan.FromSeconds(20), Opening = TimeSpan.FromMinutes(5) };

        Assert.Equal(1, Collect(lb, TimeSpan.FromSeconds(21)).Values.Sum());
        Assert.Equal(80, Assert.Single(_expired).Dport.Value);
    }

    [Fact]
    public void Many_idle_flows_are_removed_in_one_scan()
    {
        using var lb = Balancer.On(Hook.Tc);
        for (ushort port = 1; port <= 3000; port++)
            Add(lb, port);

        Assert.Empty(Collect(lb, TimeSpan.FromHours(3)));
        Assert.Equal(3000, _expired.Distinct().Count());
        Assert.Empty(lb.Tables.Flows.Keys());
    }

    [Fact]
    public void One_busy_direction_keeps_both()
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(Client, lb.ServeUdp(Hosts.Ip4.Web, A));
        Age(lb, LbDirection.ToBackend, TimeSpan.FromMinutes(5));
        lb.Receive(new UdpPacket(flow.Backend, flow.Nat));

        var live = Collect(lb, TimeSpan.Zero);

        Assert.Equal(1, live.Values.Sum());
        Assert.Equal(2, lb.Tables.FlowMaps.SelectMany(map => map.Keys()).Count());
    }

    [Fact]
    public void An_ended_flow_is_not_counted_as_live()
    {
        using var lb = Balancer.On(Hook.Tc);
        var web = lb.ServeTcp(Hosts.Ip4.Web, A);
        lb.Open(Client, web);
        lb.Receive(lb.Open(Hosts.Ip4.Bob.Port(40000), web).FromClient(Tcp.Rst));

        Assert.Equal(1, LiveFlows.Count(lb.Tables).Values.Sum());
        Assert.Equal(1, Collect(lb, TimeSpan.Zero).Values.Sum());
        Assert.Equal(4, lb.Tables.FlowMaps.SelectMany(map => map.Keys()).Count());
    }

    /// <summary>A collection reads entries in batches: a packet of the client may arrive between the read and the removal.</summary>
    [Fact]
    public void A_flow_with_a_packet_during_the_collection_is_kept()
    {
        using var lb = Balancer.On(Hook.Tc);
        var web = lb.ServeUdp(Hosts.Ip4.Web, A);
        lb.Open(Client, web);
        lb.Open(Hosts.Ip4.Bob.Port(40000), web);
        var later = LastPacket(lb) + (ulong)TimeSpan.FromMinutes(5).TotalNanoseconds;

        new FlowGarbageCollector(lb.Tables, _timeouts, new StandingClock(later), Hosts.Own).Collect((client, _, _, _) =>
        {
            _expired.Add(client);
            foreach (var key in lb.Tables.UdpFlows.Keys().Where(key => lb.HalfOf(key).Direction == LbDirection.ToBackend))
                lb.Tables.UdpFlows.Set(key, lb.HalfOf(key) with { Seen = LbFlow.SeenAt(later) });
        }, TestContext.Current.CancellationToken);

        Assert.Single(_expired);
        Assert.Equal(2, lb.Tables.FlowMaps.SelectMany(map => map.Keys()).Count());
    }

    [Fact]
    public void An_idle_flow_is_removed_without_the_flow_that_has_its_NAT_port()
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(Client, lb.ServeUdp(Hosts.Ip4.Web, A));
        var reply = lb.ReplyKeyOf(flow);
        Age(lb, LbDirection.ToBackend, TimeSpan.FromMinutes(5));
        var other = lb.HalfOf(reply);
        other.Rewritten.Dst = LbAddress.From(Hosts.Ip4.Bob);
        lb.Tables.UdpFlows.Set(reply, other);

        Collect(lb, TimeSpan.Zero);

        Assert.Equal([reply], lb.Tables.FlowMaps.SelectMany(map => map.Keys()));
        Assert.Equal(Client, Assert.Single(_expired).Source);
    }

    [Fact]
    public void The_report_names_the_client_and_its_service()
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.Open(Client, lb.ServeUdp(Hosts.Ip4.Web, A));

        Collect(lb, TimeSpan.FromMinutes(5));

        var expired = Assert.Single(_expired);
        Assert.Equal(Client, expired.Source);
        Assert.Equal(Hosts.Ip4.Web, expired.Destination);
    }

    static TestFlow Establish(Balancer lb)
    {
        var flow = lb.Open(Client, lb.ServeTcp(Hosts.Ip4.Web, A));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        return flow;
    }

    /// <summary>Both halves of an established flow, as the datapath would have written them.</summary>
    static void Add(Balancer lb, ushort port)
    {
        var client = new LbTuple
        {
            Src = LbAddress.From(Client.Address),
            Dst = LbAddress.From(Hosts.Ip4.Web.Address),
            Sport = BigEndianPort.From(port),
            Dport = BigEndianPort.From(80),
            Protocol = (byte)TransportProtocol.Tcp,
        };
        var backend = client with { Src = client.Dst, Dst = LbAddress.From(A.Address) };
        var flow = new LbFlow { Rewritten = backend, TcpSeen = LbTcpSeen.Ack, Seen = LbFlow.SeenAt((ulong)TimeProvider.System.GetTimestamp()) };
        lb.Tables.Flows.Set(client, flow);
        lb.Tables.Flows.Set(
            backend.Reversed(), flow with { Rewritten = client.Reversed(), Direction = LbDirection.ToClient });
    }

    /// <summary>A collection as it will be when exactly that much time has passed since the last packet.</summary>
    IReadOnlyDictionary<uint, int> Collect(Balancer lb, TimeSpan later) => new FlowGarbageCollector(
        lb.Tables, _timeouts, new StandingClock(LastPacket(lb) + (ulong)later.TotalNanoseconds), Hosts.Own)
        .Collect((client, _, _, _) => _expired.Add(client));

    static ulong LastPacket(Balancer lb)
    {
        var now = (ulong)TimeProvider.System.GetTimestamp();
        return now - lb.Tables.FlowMaps.SelectMany(map => map.Keys()).Min(key => lb.HalfOf(key).IdleNs(now));
    }

    static void Age(Balancer lb, LbDirection direction, TimeSpan by)
    {
        foreach (var map in lb.Tables.FlowMaps)
        {
            foreach (var key in map.Keys())
            {
                Assert.True(map.TryGet(key, out var flow));
                if (flow.Direction == direction)
                    map.Set(key, flow with { Seen = flow.Seen - LbFlow.SeenAt((ulong)by.TotalNanoseconds) });
            }
        }
    }

    /// <param name="now">Nanoseconds of CLOCK_MONOTONIC, at which it stands.</param>
    sealed class StandingClock(ulong now) : TimeProvider
    {
        public override long GetTimestamp() => (long)now;
    }
}
