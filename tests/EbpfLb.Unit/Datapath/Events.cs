using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Events tell what happened to flows, and never cost a packet.</summary>
public sealed class Events
{
    [Theory, OnEveryHook]
    public void A_connection_is_reported_when_it_opens_and_when_it_closes(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var backend = hosts.BackendA.Port(8080);
        var web = lb.ServeTcp(hosts.Web, backend);
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        lb.Receive(flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(500) });
        lb.Close(flow, sent: 500);

        var events = lb.ReadEvents();

        Assert.Equal([LbEventType.Opened, LbEventType.Closed], events.Select(one => one.Type));
        foreach (var one in events)
        {
            Assert.Equal((flow.Client, flow.Service), (one.Before.Source, one.Before.Destination));
            Assert.Equal((flow.Nat, flow.Backend), (one.After.Source, one.After.Destination));
            Assert.Equal((web.Id, web.Backends[backend]), (one.Service, one.Backend));
        }
        Assert.Equal((0ul, 0ul, 0ul), (events[0].Packets, events[0].Bytes, events[0].DurationNs));
        var empty = (ulong)flow.FromClient(Tcp.Ack).IpLength;
        Assert.Equal((5ul, 500ul + (5 * empty)), (events[1].Packets, events[1].Bytes));
        var reply = lb.HalfOf(events[0].After.Reversed());
        Assert.Equal(events[1].TimeNs - reply.OpenedNs, events[1].DurationNs);
        Assert.InRange(reply.OpenedNs, 1ul, events[0].TimeNs);
    }

    [Theory, OnEveryHook]
    public void A_reset_is_reported_as_the_end_once(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Fin | Tcp.Ack));

        Assert.Equal([LbEventType.Opened, LbEventType.Closed], lb.ReadEvents().Select(one => one.Type));
    }

    [Theory, OnEveryHook]
    public void Packets_are_reported_on_request_with_both_their_tuples(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Packets });
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));

        var events = lb.ReadEvents();

        Assert.Equal(
            [
                (LbEventType.Opened, flow.Client, flow.Service, flow.Nat, flow.Backend),
                (LbEventType.Packet, flow.Client, flow.Service, flow.Nat, flow.Backend),
                (LbEventType.Packet, flow.Backend, flow.Nat, flow.Service, flow.Client),
            ],
            events.Select(one =>
                (one.Type, one.Before.Source, one.Before.Destination, one.After.Source, one.After.Destination)));
        var empty = (ulong)flow.FromClient(Tcp.Ack).IpLength;
        Assert.Equal([0ul, empty, empty], events.Select(one => one.Bytes));
    }

    [Theory, OnEveryHook]
    public void Events_beyond_the_limit_of_their_kind_are_counted_and_cost_no_other_kind(Hook hook, Hosts hosts)
    {
        const int limit = 5;
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventsPerSecond = limit, IcmpPerSecond = 0 });
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        for (var port = 40001; port < 40101; port++)
            lb.Deliver(new TcpPacket(hosts.Bob.Port(port), hosts.Web, Tcp.Ack));

        lb.Receive(lb.Establish(hosts.Alice.Port(40001), web).FromBackend(Tcp.Rst | Tcp.Ack));

        var events = lb.ReadEvents().CountBy(one => one.Type).ToDictionary();
        Assert.InRange(events[LbEventType.Refused], limit, 10 * limit); // on a busy machine the loop may take seconds
        Assert.Equal((1, 1), (events[LbEventType.Opened], events[LbEventType.Closed]));
        Assert.Equal(100ul, lb.EventsSuppressed(LbEventType.Refused) + (ulong)events[LbEventType.Refused]);
        lb.HasRefused(100, LbReason.RefuseUnknownFlow);
        Assert.Equal(0ul, lb.EventsLost());
    }

    [Theory, OnEveryHook]
    public void Nothing_is_reported_when_events_are_off(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Off });
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(flow.FromClient(Tcp.Rst));
        lb.Receive(new TcpPacket(hosts.Bob.Port(40001), hosts.Web, Tcp.Ack));

        Assert.Empty(lb.ReadEvents());
        Assert.Equal(0ul, lb.EventsLost());
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.FullRingBuffer)]
    public void A_full_buffer_harms_no_packet_and_its_losses_are_counted(Hook hook, Hosts hosts)
    {
        const int capacity = ((1 << 20) - 1) / (128 + 8); // of one MiB, events with the ring buffer's own header
        const int overflow = 300;
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Packets });
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        const int reported = 2; // the flow, and its first packet
        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(64) };

        for (var i = 0; i < capacity - reported + overflow; i++)
            lb.Receive(data).LeavesAs(flow.AtBackend(data));

        Assert.Equal((ulong)overflow, lb.EventsLost());
        lb.HasCounted((LbReason.SentToBackend, capacity - reported + overflow + 1));
        Assert.Equal(capacity, lb.ReadEvents().Count);
        lb.Receive(data).LeavesAs(flow.AtBackend(data));
        Assert.Single(lb.ReadEvents());
        Assert.Equal((ulong)overflow, lb.EventsLost());
    }
}
