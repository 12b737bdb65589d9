using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A connection is over when each end has acknowledged all that the other one sent, and its FIN.</summary>
[Case(PacketCase.FlowEnds)]
public sealed class ClosingConnections
{
    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void Data_that_is_lost_before_a_fin_reaches_its_receiver(Hook hook, Hosts hosts, bool fromClient)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);
        var (sender, receiver) = Ends(flow, fromClient);
        Forward(lb, flow, receiver with { Flags = Tcp.Fin | Tcp.Ack });

        // The FIN overtakes the data, which is sent again until it is acknowledged.
        Forward(lb, flow, sender with { Flags = Tcp.Fin | Tcp.Ack, Sequence = sender.Sequence + 100, Acknowledgment = receiver.Sequence + 1 });
        Forward(lb, flow, receiver with { Sequence = receiver.Sequence + 1 });
        Assert.DoesNotContain(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
        lb.Pass(TimeSpan.FromSeconds(120));
        Collect(lb);
        Forward(lb, flow, sender with { Payload = Some.Bytes(100), Acknowledgment = receiver.Sequence + 1 });
        Assert.DoesNotContain(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
        Forward(lb, flow, receiver with { Sequence = receiver.Sequence + 1, Acknowledgment = sender.Sequence + 101 });

        Assert.Single(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_forged_syn_before_the_last_acknowledgment_moves_nothing(Hook hook, Hosts hosts, bool clientIsFirst)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);
        var (second, first) = Ends(flow, !clientIsFirst);
        Forward(lb, flow, first with { Flags = Tcp.Fin | Tcp.Ack });
        Forward(lb, flow, second with { Flags = Tcp.Fin | Tcp.Ack, Acknowledgment = first.Sequence + 1 });

        Forward(lb, flow, flow.FromClient(Tcp.Syn) with { Sequence = 4711 });
        Forward(lb, flow, first with { Sequence = first.Sequence + 1, Acknowledgment = second.Sequence + 1 });
        Assert.Single(lb.ReadEvents(), one => one.Type == LbEventType.Closed);

        var next = TestFlow.From(lb.Receive(flow.FromClient(Tcp.Syn) with { Sequence = 4711 }));
        Assert.NotEqual(flow.Backend, next.Backend);
    }

    [Theory, OnEveryHook]
    public void Fins_that_cross_end_the_connection_once_both_are_acknowledged(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Establish(lb, hosts);
        var (client, backend) = Ends(flow, fromClient: true);

        Forward(lb, flow, client with { Flags = Tcp.Fin | Tcp.Ack });
        Forward(lb, flow, backend with { Flags = Tcp.Fin | Tcp.Ack });
        Forward(lb, flow, client with { Sequence = client.Sequence + 1, Acknowledgment = backend.Sequence + 1 });
        Assert.DoesNotContain(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
        Forward(lb, flow, backend with { Sequence = backend.Sequence + 1, Acknowledgment = client.Sequence + 1 });

        Assert.Single(lb.ReadEvents(), one => one.Type == LbEventType.Closed);
    }

    /// <summary>Linux waits for at most two minutes before it sends a segment again.</summary>
    [Theory, InlineData(125, 2), InlineData(135, 0)]
    public void A_connection_with_unacknowledged_data_is_collected_after_130_seconds(int seconds, int left)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = Establish(lb, Hosts.Ip4);
        var (client, backend) = Ends(flow, fromClient: true);
        Forward(lb, flow, client with { Flags = Tcp.Fin | Tcp.Ack });
        Forward(lb, flow, backend with { Flags = Tcp.Fin | Tcp.Ack, Acknowledgment = client.Sequence + 1 });

        lb.Pass(TimeSpan.FromSeconds(seconds));

        Assert.Equal(left == 0 ? 1 : 0, Collect(lb));
        Assert.Equal(left, lb.Tables.Flows.Keys().Count);
    }

    /// <summary>Either entry of a flow may be visited first, and takes the other one with it.</summary>
    [Fact]
    public void A_collected_connection_counts_no_longer()
    {
        using var lb = Balancer.On(Hook.Tc);
        var web = lb.ServeTcp(Hosts.Ip4.Web, Hosts.Ip4.BackendA.Port(80));
        for (var port = 40000; port < 40050; port++)
        {
            var flow = lb.Establish(Hosts.Ip4.Alice.Port(port), web);
            lb.Receive(flow.FromClient(Tcp.Fin | Tcp.Ack));
            lb.Receive(flow.FromBackend(Tcp.Fin | Tcp.Ack));
        }
        lb.Pass(TimeSpan.FromSeconds(135));

        var live = new FlowGarbageCollector(lb.Tables, new TimeoutConfiguration(), TimeProvider.System, Hosts.Own)
            .Collect((_, _, _, _) => { }, TestContext.Current.CancellationToken);

        Assert.Empty(live);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_half_closed_connection_may_idle_for_two_hours(bool fromClient)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = Establish(lb, Hosts.Ip4);
        var (first, second) = Ends(flow, fromClient);
        Forward(lb, flow, first with { Flags = Tcp.Fin | Tcp.Ack });
        Forward(lb, flow, second with { Acknowledgment = first.Sequence + 1 });

        lb.Pass(TimeSpan.FromHours(2));

        Assert.Equal((0, 2), (Collect(lb), lb.Tables.Flows.Keys().Count));
    }

    /// <summary>The next segment without data of the one end, and of the other.</summary>
    static (TcpPacket, TcpPacket) Ends(TestFlow flow, bool fromClient) => fromClient
        ? (flow.FromClient(Tcp.Ack), flow.FromBackend(Tcp.Ack))
        : (flow.FromBackend(Tcp.Ack), flow.FromClient(Tcp.Ack));

    /// <returns>How many flows that were still open were removed.</returns>
    static int Collect(Balancer lb)
    {
        var expired = 0;
        new FlowGarbageCollector(lb.Tables, new TimeoutConfiguration(), TimeProvider.System, Hosts.Own)
            .Collect((_, _, _, _) => expired++, TestContext.Current.CancellationToken);
        return expired;
    }

    static TestFlow Establish(Balancer lb, Hosts hosts) => lb.Establish(
        hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));

    static void Forward(Balancer lb, TestFlow flow, TcpPacket segment) => lb.Receive(segment).LeavesAs(
        segment.Source.Equals(flow.Client) ? flow.AtBackend(segment) : flow.AtClient(segment));
}
