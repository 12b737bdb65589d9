using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// In mode dsr a client's packet reaches its backend as the client sent it: only the Ethernet addresses are others.
/// </summary>
[Case(PacketCase.DirectServerReturn)]
public sealed class DirectServerReturn
{
    const uint Id = 0x5eed;

    static readonly CaseTable<Packet> Kinds = new()
    {
        Both =
        {
            ["a SYN"] = Some.Syn,
            ["a SYN with options"] = hosts => Some.Syn(hosts) with { Options = [2, 4, 5, 0xb4] },
            ["a SYN whose checksum is wrong"] = hosts => Some.Syn(hosts) with { Checksum = L4Checksum.Wrong },
            ["a SYN whose checksum is left to hardware"] = hosts =>
                Some.Syn(hosts) with { Checksum = L4Checksum.Partial },
            ["a SYN with a type of service"] = hosts => Some.Syn(hosts) with { TypeOfService = 0xb8 },
            ["a SYN on its last hop"] = hosts => Some.Syn(hosts) with { Ttl = 1 },
            ["a SYN in a padded frame"] = hosts => Some.Syn(hosts) with { Trailer = Some.Bytes(6) },
            ["a SYN from a port that NAT would not use"] = hosts =>
                Some.Syn(hosts) with { Source = hosts.Alice.Port(61001) },
            ["a datagram"] = Some.Datagram,
            ["a datagram whose checksum is wrong"] = hosts =>
                Some.Datagram(hosts) with { Checksum = L4Checksum.Wrong },
        },
        Ip4 =
        {
            ["a SYN with IP options"] = Some.Syn(Hosts.Ip4) with { IpOptions = [7, 7, 4, 0, 0, 0, 0, 0] },
            ["a datagram without a checksum"] = Some.Datagram(Hosts.Ip4) with { Checksum = L4Checksum.None },
        },
        Ip6 =
        {
            ["a SYN with a flow label"] = Some.Syn(Hosts.Ip6) with { FlowLabel = 0xabcde },
            ["a SYN behind extension headers"] = Some.Syn(Hosts.Ip6) with
            {
                Extensions = [Extension.HopByHop(), Extension.DestinationOptions()],
            },
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> AllKinds => Kinds.Rows;

    [Theory, MemberData(nameof(AllKinds))]
    public void Only_the_ethernet_addresses_change_of(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        var web = Directly(lb, hosts, hosts.BackendA);
        var dns = lb.ReturnDirectly(lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80)));
        var packet = Kinds[hosts, what];

        lb.Receive(packet).LeavesAsItCame(hosts.BackendA);
        lb.Receive(packet).LeavesAsItCame(hosts.BackendA);

        lb.HasCounted((LbReason.SentToBackend, 2));
        var traffic = lb.TrafficOf(packet is TcpPacket ? web : dns);
        Assert.Equal((1ul, 2ul, 0ul), (traffic.Flows, traffic.ToBackendPackets, traffic.ToClientPackets));
        Assert.Equal(2ul * (ulong)packet.IpLength, traffic.ToBackendBytes);
    }

    [Theory, OnEveryHook]
    public void Flows_rotate_and_each_keeps_its_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = Directly(lb, hosts, hosts.BackendA, hosts.BackendB);
        TcpPacket one = Some.Syn(hosts), other = one with { Source = hosts.Bob.Port(40001) };

        lb.Receive(one).LeavesAsItCame(hosts.BackendA);
        lb.Receive(other).LeavesAsItCame(hosts.BackendB);
        lb.Receive(one).LeavesAsItCame(hosts.BackendA);
        lb.Receive(Acknowledging(one)).LeavesAsItCame(hosts.BackendA);
        lb.Receive(Acknowledging(other)).LeavesAsItCame(hosts.BackendB);
        lb.TakeTurns(web, (hosts.BackendB.Port(80), 1));
        lb.Receive(Data(one)).LeavesAsItCame(hosts.BackendA);

        Assert.Equal(1ul, lb.TrafficOf(web, hosts.BackendA.Port(80)).Flows);
        Assert.Equal(1ul, lb.TrafficOf(web, hosts.BackendB.Port(80)).Flows);
    }

    [Theory, OnEveryHook]
    public void A_flow_is_the_clients_half_alone_and_takes_no_port(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Directly(lb, hosts, hosts.BackendA);

        foreach (var packet in (TcpPacket[])[Some.Syn(hosts), Acknowledging(Some.Syn(hosts)), Data(Some.Syn(hosts))])
        {
            lb.Receive(packet);
            lb.Pass(TimeSpan.FromSeconds(5));

            var (key, half) = Assert.Single(Flows(lb));
            Assert.Equal((Some.Syn(hosts).Source, hosts.Web), (key.Source, key.Destination));
            Assert.Equal(hosts.BackendA.Port(80), half.Rewritten.Destination);
        }
    }

    [Theory, OnEveryHook]
    public void A_segment_of_no_known_flow_is_refused(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Directly(lb, hosts, hosts.BackendA);

        lb.Deliver(Data(Some.Syn(hosts))).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
        lb.HasNoFlow();
    }

    [Theory, OnEveryHook]
    public void A_lost_flow_is_resumed_if_its_algorithm_is_consistent(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        lb.ReturnDirectly(web, LbAlgorithm.Maglev);
        lb.Receive(Some.Syn(hosts));
        var (key, before) = Assert.Single(Flows(lb));
        lb.Tables.HalfOpen.Remove(key);

        var resumed = lb.Receive(Data(Some.Syn(hosts)));

        resumed.LeavesAsItCame(before.Rewritten.Destination.Address);
        Assert.Equal(before.Backend, Assert.Single(Flows(lb)).Half.Backend);
    }

    [Theory, OnEveryHook]
    public void Fragments_follow_their_first_one(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ReturnDirectly(lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80)));
        var pieces = (Some.Datagram(hosts) with { Payload = Some.Bytes(3000) }).Fragment(Id, 1480, 2960);

        foreach (var piece in pieces)
            lb.Receive(piece).LeavesAsItCame(hosts.BackendA);

        lb.HasCounted((LbReason.SentToBackend, 3));
    }

    [Theory]
    [OnEveryHook(IcmpSays.FragmentationNeeded), OnEveryHook(IcmpSays.PortUnreachable), OnEveryHook(IcmpSays.TimeExceeded)]
    public void An_error_about_a_backends_reply_reaches_it_unchanged(Hook hook, Hosts hosts, IcmpSays says)
    {
        using var lb = Balancer.On(hook);
        Directly(lb, hosts, hosts.BackendA, hosts.BackendB);
        lb.Receive(Some.Syn(hosts) with { Source = hosts.Bob.Port(40001) });
        lb.Receive(Some.Syn(hosts));
        lb.Receive(Some.Syn(hosts));
        var answer = new TcpPacket(hosts.Web, Some.Syn(hosts).Source, Tcp.Psh | Tcp.Ack) { Payload = Some.Bytes(400) };
        var error = new IcmpError(hosts.Carol, says, answer);

        lb.Receive(error).LeavesAsItCame(hosts.BackendB);
        lb.Receive(error with { QuotedLength = answer.IpHeaderLength + 8 }).LeavesAsItCame(hosts.BackendB);

        Assert.Equal(2ul, lb.Reasons()[LbReason.SentIcmpError]);
    }

    [Theory, OnEveryHook]
    public void An_error_about_no_flows_packet_passes_untouched(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Directly(lb, hosts, hosts.BackendA);
        lb.Receive(Some.Syn(hosts));
        var other = new TcpPacket(hosts.Web, hosts.Alice.Port(40002), Tcp.Ack);

        lb.Receive(new IcmpError(hosts.Carol, IcmpSays.HostUnreachable, other)).IsPassedUntouched();
    }

    [Theory, OnEveryHook]
    public void A_backend_behind_a_router_is_refused(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Directly(lb, hosts, hosts.Carol, hosts.Dave);

        lb.Deliver(Some.Syn(hosts)).IsPassedUntouched();
        lb.Deliver(Some.Syn(hosts) with { Source = hosts.Bob.Port(40001) }).IsPassedUntouched();

        lb.HasRefused(2, LbReason.RefuseNoRoute);
    }

    [Theory, OnEveryHook]
    public void A_backend_with_an_unresolved_neighbour_is_left_to_the_kernel(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Directly(lb, hosts, hosts.Unresolved);

        lb.Deliver(Some.Syn(hosts)).LeavesAsItCame(hosts.Unresolved);
        lb.Deliver(Acknowledging(Some.Syn(hosts))).LeavesAsItCame(hosts.Unresolved);
    }

    [Theory, OnEveryHook]
    public void A_service_may_be_any_port(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ReturnDirectly(lb.ServeTcp(hosts.Balancer.Port(0), hosts.BackendA.Port(0)));

        lb.Receive(Some.Syn(hosts) with { Destination = hosts.Balancer.Port(2222) }).LeavesAsItCame(hosts.BackendA);
        lb.Receive(Some.Syn(hosts) with { Destination = hosts.Balancer.Port(61001) }).IsPassedUntouched();
    }

    [Theory, OnEveryHook]
    public void A_service_of_the_other_mode_works_beside_it(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Directly(lb, hosts, hosts.BackendA);
        var other = lb.ServeTcp(hosts.Balancer.Port(81), hosts.BackendA.Port(80));

        lb.Receive(Some.Syn(hosts)).LeavesAsItCame(hosts.BackendA);
        var flow = lb.Open(Some.Syn(hosts).Source, other);

        lb.Receive(Data(Some.Syn(hosts))).LeavesAsItCame(hosts.BackendA);
        var answer = flow.FromBackend(Tcp.Syn | Tcp.Ack);
        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
    }

    static TestService Directly(Balancer lb, Hosts hosts, params IPAddress[] backends) =>
        lb.ReturnDirectly(lb.ServeTcp(hosts.Web, [.. backends.Select(backend => backend.Port(80))]));

    /// <summary>What follows a SYN once the backend has answered it.</summary>
    static TcpPacket Acknowledging(TcpPacket syn) => new(syn.Source, syn.Destination, Tcp.Ack)
    {
        Sequence = syn.Sequence + 1,
    };

    static TcpPacket Data(TcpPacket syn) => Acknowledging(syn) with { Flags = Tcp.Psh | Tcp.Ack, Payload = Some.Bytes(9) };

    static List<(LbTuple Key, LbFlow Half)> Flows(Balancer lb) =>
        [.. lb.Tables.FlowMaps.SelectMany(map => map.Keys()).Select(key => (key, lb.HalfOf(key)))];
}
