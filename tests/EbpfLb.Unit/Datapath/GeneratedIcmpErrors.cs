using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// Where a balanced packet can go no further the balancer says what a router would: to its sender, from the address
/// that he addressed, about the packet as he sent it. On XDP the program behind says it.
/// </summary>
public sealed class GeneratedIcmpErrors
{
    [Theory, OnEveryHook((byte)1), OnEveryHook((byte)0)]
    public void A_packet_whose_ttl_expires_is_answered_and_opens_no_flow(Hook hook, Hosts hosts, byte ttl)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        var late = Some.Syn(hosts) with { Ttl = ttl };

        lb.Deliver(late).IsAnsweredBy(OwnError.TimeExceeded(late));

        HasCounted(lb, hook, (LbReason.SentTimeExceeded, 1));
        lb.HasNoFlow();
        Assert.Empty(lb.ReadEvents());
        Assert.Equal(a, lb.Open(hosts.Alice.Port(40002), web).Backend);
    }

    [Theory, OnEveryHook((byte)1), OnEveryHook((byte)0)]
    public void Both_ends_of_a_flow_are_answered(Hook hook, Hosts hosts, byte ttl)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(Some.Syn(hosts).Source, lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));
        var fromClient = flow.FromClient(Tcp.Ack) with { Ttl = ttl };
        var fromBackend = flow.FromBackend(Tcp.Syn | Tcp.Ack) with { Ttl = ttl };

        lb.Deliver(fromClient).IsAnsweredBy(OwnError.TimeExceeded(fromClient));
        lb.Deliver(fromBackend).IsAnsweredBy(OwnError.TimeExceeded(fromBackend));

        HasCounted(lb, hook, (LbReason.SentToBackend, 1), (LbReason.SentTimeExceeded, 2));
    }

    [Theory, OnEveryHook(1500), OnEveryHook(1600)]
    public void A_clients_packet_above_the_mtu_to_its_backend_is_answered(
        Hook hook, Hosts hosts, int payload)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));
        var big = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(payload) };

        lb.Deliver(big).IsAnsweredBy(OwnError.TooBig(big, TestNetwork.Far.Mtu));

        HasCounted(lb, hook, (LbReason.SentToBackend, 1), (LbReason.SentTooBig, 1));
    }

    [Theory, OnEveryHook]
    public void A_backends_packet_above_the_mtu_to_its_client_is_answered(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Carol.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var big = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(1500) };

        lb.Deliver(big).IsAnsweredBy(OwnError.TooBig(big, TestNetwork.Far.Mtu));

        HasCounted(lb, hook, (LbReason.SentToBackend, 1), (LbReason.SentTooBig, 1));
    }

    [Theory, OnEveryHook]
    public void A_packet_of_the_mtu_is_forwarded_and_a_larger_one_is_not(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Dave.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var headers = flow.FromBackend(Tcp.Ack).IpLength;
        var largest = flow.FromBackend(Tcp.Ack) with { Payload = Some.Bytes(TestNetwork.MtuToDave - headers) };
        var larger = largest with { Payload = Some.Bytes(TestNetwork.MtuToDave - headers + 1) };

        lb.Receive(largest).LeavesAs(flow.AtClient(largest));
        lb.Deliver(larger).IsAnsweredBy(OwnError.TooBig(larger, TestNetwork.MtuToDave));
    }

    [Theory, OnEveryHook]
    public void A_first_packet_that_is_too_big_opens_no_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.Carol.Port(53));
        var big = Some.Datagram(hosts) with { Payload = Some.Bytes(1500) };

        lb.Deliver(big).IsAnsweredBy(OwnError.TooBig(big, TestNetwork.Far.Mtu));

        HasCounted(lb, hook, (LbReason.SentTooBig, 1));
        lb.HasNoFlow();
        Assert.Empty(lb.ReadEvents());
    }

    /// <summary>A router would cut it. Its sender, told of the MTU, cuts the next one.</summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public void A_packet_without_df_is_answered_and_not_fragmented(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));
        var big = flow.FromClient(Tcp.Ack) with { Payload = Some.Bytes(1500), Flags4 = Ip4Control.None };

        lb.Deliver(big).IsAnsweredBy(OwnError.TooBig(big, TestNetwork.Far.Mtu));
    }

    /// <summary>What leaves are its segments: they may be too big each.</summary>
    [Theory, OverEachIp]
    public void A_large_segment_is_answered_if_its_parts_are_too_big(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));
        var headers = flow.FromClient(Tcp.Ack).IpLength;
        var large = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(3000) };

        lb.ReceiveLargeOnTc(large, segmentSize: 1500 - headers).LeavesAs(flow.AtBackend(large));
        lb.ReceiveLargeOnTc(large, segmentSize: 1501 - headers)
            .IsAnsweredBy(OwnError.TooBig(large, TestNetwork.Far.Mtu));
    }

    /// <summary>Its parts' size, headers included, is one that the kernel's 16 bits do not hold: no way takes it.</summary>
    [Theory, OverEachIp]
    public void A_large_segment_whose_parts_are_larger_than_any_packet_is_answered(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));
        var large = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(3000) };

        lb.ReceiveLargeOnTc(large, segmentSize: 0xffff).IsAnsweredBy(OwnError.TooBig(large, TestNetwork.Far.Mtu));
    }

    static readonly CaseTable<Packet> Quoted = new()
    {
        Both =
        {
            ["a datagram"] = Some.Datagram,
            ["a datagram of an even number of bytes"] = hosts => Some.Datagram(hosts) with { Payload = Some.Bytes(64) },
            ["the most that IPv4 quotes"] = hosts => Some.Datagram(hosts) with { Payload = Some.Bytes(520) },
            ["one byte more than IPv4 quotes"] = hosts => Some.Datagram(hosts) with { Payload = Some.Bytes(521) },
            ["the most that IPv6 quotes"] = hosts => Some.Datagram(hosts) with { Payload = Some.Bytes(1184) },
            ["one byte more than IPv6 quotes"] = hosts => Some.Datagram(hosts) with { Payload = Some.Bytes(1185) },
            ["a SYN with data and options"] = hosts =>
                Some.Syn(hosts) with { Options = [2, 4, 5, 0xb4, 1, 1, 4, 2], Payload = Some.Bytes(333) },
            ["a packet with a wrong checksum"] = hosts => Some.Syn(hosts) with { Checksum = L4Checksum.Wrong },
            ["a packet that the frame's padding follows"] = hosts => Some.Syn(hosts) with { Trailer = Some.Bytes(7) },
            ["a type of service"] = hosts => Some.Syn(hosts) with { TypeOfService = 0x88 },
            ["a first fragment"] = hosts =>
                (Some.Datagram(hosts) with { Payload = Some.Bytes(200) }).Fragment(9, 64)[0],
        },
        Ip4 =
        {
            ["a datagram without a checksum"] = Some.Datagram(Hosts.Ip4) with { Checksum = L4Checksum.None },
            ["IP options"] = Some.Syn(Hosts.Ip4) with { IpOptions = [7, 39, 4, .. Some.Bytes(36), 0] },
            ["an identification"] = Some.Syn(Hosts.Ip4) with { Identification = 0xfffe },
        },
        Ip6 =
        {
            ["a flow label"] = Some.Syn(Hosts.Ip6) with { FlowLabel = 0xfedcb },
            ["extension headers"] = Some.Syn(Hosts.Ip6) with
            {
                Extensions = [Extension.HopByHop(), Extension.Routing(), Extension.DestinationOptions()],
            },
            ["more extension headers than are quoted"] =
                Some.Syn(Hosts.Ip6) with { Extensions = [Extension.DestinationOptions(2048)] },
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> AllQuoted => Quoted.Rows;

    [Theory, MemberData(nameof(AllQuoted))]
    public void An_error_may_quote(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80));
        var late = Quoted[hosts, what] with { Ttl = 1 };

        lb.Deliver(late).IsAnsweredBy(OwnError.TimeExceeded(late));
    }

    /// <summary>The card's own sum over the packet, which the kernel trusts later, becomes that of the answer.</summary>
    [Theory, OverEachIp(0), OverEachIp(10), OverEachIp(501)]
    public void An_error_about_a_packet_that_a_card_has_summed_keeps_the_sum_right(Hosts hosts, int payload)
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var late = Some.Syn(hosts) with { Ttl = 1, Payload = Some.Bytes(payload) };

        lb.ReceiveSummedOnTc(late).IsAnsweredBy(OwnError.TimeExceeded(late));
    }

    static readonly CaseTable<Func<TestFlow, Packet>> Silenced = new()
    {
        Both =
        {
            ["an ICMP error"] = hosts => flow =>
                new IcmpError(hosts.BackendA, IcmpSays.TimeExceeded, flow.AtBackend(flow.FromClient(Tcp.Ack))),
            ["a frame from many"] = _ => flow => flow.FromClient(Tcp.Ack) with { SourceMac = new(0x010000000001) },
            ["a packet from an address that is given to nobody"] = hosts => From(hosts, "240.0.0.1", "::2"),
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> AllSilenced => Silenced.Rows;

    [Theory, MemberData(nameof(AllSilenced))]
    public void Nothing_answers(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        lb.Deliver(Silenced[hosts, what](flow) with { Ttl = 1 }).IsDropped();

        HasCounted(lb, hook, (LbReason.SentToBackend, 1), (LbReason.DropTtl, 1));
    }

    [Theory, OnEveryHook]
    public void Nothing_answers_an_error_that_is_too_big(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Carol.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var data = flow.AtBackend(flow.FromClient(Tcp.Ack) with { Payload = Some.Bytes(1500) });

        lb.Deliver(new IcmpError(hosts.BackendA, IcmpSays.PortUnreachable, data)).IsDropped();

        HasCounted(lb, hook, (LbReason.SentToBackend, 1), (LbReason.DropTooBig, 1));
    }

    [Theory, OnEveryHook]
    public void Of_fragments_the_first_one_is_answered_alone(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.Carol.Port(53));
        var pieces = (Some.Datagram(hosts) with { Payload = Some.Bytes(3300) }).Fragment(7, 1600);
        var small = (Some.Datagram(hosts) with { Payload = Some.Bytes(3300) }).Fragment(7, 64);

        lb.Deliver(pieces[0]).IsAnsweredBy(OwnError.TooBig(pieces[0], TestNetwork.Far.Mtu));
        lb.Receive(small[0]);
        lb.Deliver(pieces[1]).IsDropped();
        lb.Deliver(small[1] with { Payload = [1, 2, 3, 4], Ttl = 1 }).IsDropped();

        HasCounted(lb, hook,
            (LbReason.SentToBackend, 1), (LbReason.SentTooBig, 1), (LbReason.DropTooBig, 1), (LbReason.DropTtl, 1));
    }

    /// <summary>So it was for tc to answer, or not to.</summary>
    static void HasCounted(Balancer lb, Hook hook, params (LbReason Reason, ulong Packets)[] expected)
    {
        var left = expected.Where(entry => entry.Reason != LbReason.SentToBackend)
            .Aggregate(0ul, (sum, entry) => sum + entry.Packets);
        lb.HasCounted(hook == Hook.Xdp ? [.. expected, (LbReason.PassToTc, left)] : expected);
    }

    static Func<TestFlow, Packet> From(Hosts hosts, string ip4, string ip6) => _ =>
        Some.Syn(hosts) with { Source = IPAddress.Parse(hosts == Hosts.Ip4 ? ip4 : ip6).Port(40002) };
}
