using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Counters equal what was sent: by reason, by service, by backend and by flow.</summary>
[Case(PacketCase.Counters)]
public sealed class Counters
{
    [Theory, OnEveryHook]
    public void Each_packet_is_counted_once_under_its_reason(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        var dns = lb.ServeUdp(hosts.Balancer.Port(53), hosts.BackendA.Port(53));
        var first = lb.Open(hosts.Alice.Port(40001), web);
        var second = lb.Open(hosts.Bob.Port(40001), web);
        var query = lb.Open(hosts.Alice.Port(40001), dns);
        var request = first.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(100), Trailer = Some.Bytes(9) };
        var response = first.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(1000) };

        lb.Receive(request);
        lb.Receive(response);
        lb.Receive(second.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(new UdpPacket(query.Backend, query.Nat) { Payload = Some.Bytes(50) });
        lb.Receive(new TcpPacket(hosts.Alice.Port(40009), hosts.Balancer.Port(22), Tcp.Syn));
        lb.Deliver(new TcpPacket(hosts.Alice.Port(40009), hosts.Web, Tcp.Ack));
        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
        lb.Deliver(first.FromClient(Tcp.Ack) with { Ttl = 1 });

        var reasons = lb.Reasons();
        reasons.Remove(LbReason.PassToTc);
        Assert.Equal(
            new Dictionary<LbReason, ulong>
            {
                [LbReason.SentToBackend] = 4,
                [LbReason.SentToClient] = 3,
                [LbReason.PassNoService] = 1,
                [LbReason.RefuseUnknownFlow] = 1,
                [LbReason.SentTimeExceeded] = 1,
            },
            reasons);
        var empty = (ulong)first.FromClient(Tcp.Ack).IpLength;
        var emptyDatagram = (ulong)new UdpPacket(query.Client, query.Service).IpLength;
        var toA = new LbTraffic
        {
            Flows = 1,
            ToBackendPackets = 2,
            ToBackendBytes = empty + empty + 100,
            ToClientPackets = 1,
            ToClientBytes = empty + 1000,
        };
        var toB = new LbTraffic
        {
            Flows = 1,
            ToBackendPackets = 1,
            ToBackendBytes = empty,
            ToClientPackets = 1,
            ToClientBytes = empty,
        };
        Assert.Equal(toA, lb.TrafficOf(web, a));
        Assert.Equal(toB, lb.TrafficOf(web, b));
        Assert.Equal(toA + toB, lb.TrafficOf(web));
        var toDns = new LbTraffic
        {
            Flows = 1,
            ToBackendPackets = 1,
            ToBackendBytes = emptyDatagram,
            ToClientPackets = 1,
            ToClientBytes = emptyDatagram + 50,
        };
        Assert.Equal(toDns, lb.TrafficOf(dns));
        Assert.Equal(toDns, lb.TrafficOf(dns, hosts.BackendA.Port(53)));
    }

    [Theory, OnEveryHook]
    public void A_flow_counts_its_own_packets_in_each_direction(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(7) });

        var halves = lb.Tables.Flows.Keys().Select(lb.HalfOf).OrderBy(half => half.Direction).ToArray();

        Assert.Equal([LbDirection.ToBackend, LbDirection.ToClient], halves.Select(half => half.Direction));
        Assert.Equal([3ul, 1ul], halves.Select(half => half.Packets));
        var empty = (ulong)flow.FromClient(Tcp.Ack).IpLength;
        Assert.Equal([(3 * empty) + 7, empty], halves.Select(half => half.Bytes));
        Assert.Equal([LbTcpSeen.Syn | LbTcpSeen.Ack, LbTcpSeen.Syn], halves.Select(half => half.SeenSegments()));
        Assert.All(halves, half => Assert.Equal(web.Id, half.Service));
    }
}
