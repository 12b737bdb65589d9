using System.Buffers.Binary;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// In mode tunnel a client's packet reaches its backend inside another one, from the balancer to the backend, which may
/// be behind routers and of the other address family.
/// </summary>
[Case(PacketCase.Tunnel)]
public sealed class TunnelMode
{
    static readonly CaseTable<Packet> Kinds = new()
    {
        Both =
        {
            ["a SYN"] = Some.Syn,
            ["a SYN whose checksum is wrong"] = hosts => Some.Syn(hosts) with { Checksum = L4Checksum.Wrong },
            ["a SYN with a type of service and congestion"] = hosts => Some.Syn(hosts) with { TypeOfService = 0xbb },
            ["a SYN in a padded frame"] = hosts => Some.Syn(hosts) with { Trailer = Some.Bytes(6) },
            ["a SYN on its last hop but one"] = hosts => Some.Syn(hosts) with { Ttl = 2 },
            ["a datagram"] = Some.Datagram,
            ["a first fragment"] = hosts => (Some.Datagram(hosts) with { Payload = Some.Bytes(200) }).Fragment(9, 64)[0],
        },
        Ip4 =
        {
            ["a SYN with IP options"] = Some.Syn(Hosts.Ip4) with { IpOptions = [7, 7, 4, 0, 0, 0, 0, 0] },
            ["a SYN that may be fragmented"] = Some.Syn(Hosts.Ip4) with { Flags4 = Ip4Control.None },
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

    public static IEnumerable<TheoryDataRow<Hook, Hosts, TunnelKind, Hosts>> Tunnels =>
        from hook in Enum.GetValues<Hook>()
        from inside in Hosts.OfEachFamily
        from outer in OuterHeader.All
        select new TheoryDataRow<Hook, Hosts, TunnelKind, Hosts>(hook, inside, outer.Mode, outer.Outside);

    [Theory, MemberData(nameof(AllKinds))]
    public void A_packet_gets_an_outer_header(Hook hook, Hosts hosts, string what)
    {
        foreach (var (mode, outside) in OuterHeader.All)
        {
            using var lb = Balancer.On(hook);
            var web = Serve(lb, hosts, mode, outside.Carol);
            var dns = lb.Tunnel(lb.ServeUdp(hosts.Web, outside.Carol.Port(80)), mode);
            var packet = Kinds[hosts, what];

            IsTunnelled(lb.Receive(packet), packet, mode, outside, outside.Carol);
            IsTunnelled(lb.Receive(packet), packet, mode, outside, outside.Carol);

            lb.HasCounted((LbReason.SentToBackend, 2));
            var traffic = lb.TrafficOf(packet is TcpPacket ? web : dns);
            Assert.Equal((1ul, 2ul, 0ul), (traffic.Flows, traffic.ToBackendPackets, traffic.ToClientPackets));
            Assert.Equal(2ul * (ulong)packet.IpLength, traffic.ToBackendBytes);
        }
    }

    /// <summary>The card's own sum over the packet, which the kernel trusts later, becomes that of the tunnel's packet.</summary>
    [Theory, MemberData(nameof(Tunnels))]
    public void A_cards_sum_of_the_packet_stays_right(Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        if (hook != Hook.Tc)
            return;
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Carol);
        foreach (byte[] options in (byte[][])[[], [2, 4, 5, 0xb4], [1, 2, 4, 5, 0xb4, 1, 1, 0]])
            lb.ReceiveSummedOnTc(Some.Syn(hosts) with { Options = options, Payload = Some.Bytes(options.Length + 1) });

        lb.HasCounted((LbReason.SentToBackend, 3));
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void The_largest_packet_that_fits_is_carried_and_a_larger_one_answered_with_the_inner_mtu(
        Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Carol);
        var syn = Some.Syn(hosts);
        lb.Receive(syn);
        var ack = Acknowledging(syn);
        var most = TestNetwork.Far.Mtu - Outer(mode, outside, outside.Carol).Length;
        var largest = ack with { Payload = Some.Bytes(most - ack.IpLength) };
        var larger = ack with { Payload = Some.Bytes(most - ack.IpLength + 1) };

        IsTunnelled(lb.Receive(largest), largest, mode, outside, outside.Carol);
        lb.Deliver(larger).IsAnsweredBy(OwnError.TooBig(larger, most));
    }

    /// <summary>A large segment's parts get an outer header each.</summary>
    [Theory, MemberData(nameof(Tunnels))]
    public void A_large_segment_whose_parts_do_not_fit_is_answered(Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        if (hook != Hook.Tc)
            return;
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Carol);
        lb.Receive(Some.Syn(hosts));
        var ack = Acknowledging(Some.Syn(hosts)) with { Payload = Some.Bytes(3000) };
        var most = TestNetwork.Far.Mtu - Outer(mode, outside, outside.Carol).Length;

        lb.ReceiveLargeOnTc(ack, segmentSize: most - (ack.IpLength - 3000) + 1).IsAnsweredBy(OwnError.TooBig(ack, most));
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void A_packet_whose_ttl_expires_is_answered(Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Carol);
        var late = Some.Syn(hosts) with { Ttl = 1 };

        lb.Deliver(late).IsAnsweredBy(OwnError.TimeExceeded(late));
        lb.HasNoFlow();
        lb.Receive(Some.Syn(hosts));
        lb.Deliver(late).IsAnsweredBy(OwnError.TimeExceeded(late));
    }

    /// <summary>So that a segment of that size fits; wherever the option stands, and never to a larger size.</summary>
    [Theory, MemberData(nameof(Tunnels))]
    public void The_mss_in_a_syn_is_lowered_to_what_fits(Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Carol);
        var most = TestNetwork.Far.Mtu - Outer(mode, outside, outside.Carol).Length - (hosts == Hosts.Ip4 ? 40 : 60);

        byte[] Options(int mss, bool odd) => odd
            ? [1, 2, 4, (byte)(mss >> 8), (byte)mss, 1, 1, 0]
            : [2, 4, (byte)(mss >> 8), (byte)mss, 4, 2, 1, 1];

        foreach (var odd in (bool[])[false, true])
        {
            foreach (var (given, left) in (ReadOnlySpan<(int, int)>)[(8960, most), (most + 1, most), (most, most), (536, 536)])
            {
                var syn = Some.Syn(hosts) with { Options = Options(given, odd) };
                IsTunnelled(lb.Receive(syn), syn with { Options = Options(left, odd) }, mode, outside, outside.Carol);
            }
        }
    }

    /// <summary>Options that lie, an option of another length, and a segment of a connection stay as they are.</summary>
    [Theory, OnEveryHook]
    public void Other_options_stay(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, TunnelKind.Gue, hosts.Carol);
        byte[][] kinds =
        [
            [], [0, 2, 4, 0xff, 0xff, 0, 0, 0], [2, 3, 0xff, 0xff], [3, 0, 2, 4, 0xff, 0xff, 0, 0], [3, 1, 2, 4, 0xff, 0xff, 0, 0],
            [1, 1, 2, 4], [1, 1, 1, 2], [5, 255, 0, 0],
        ];

        foreach (var options in kinds)
        {
            var syn = Some.Syn(hosts) with { Options = options };
            IsTunnelled(lb.Receive(syn), syn, TunnelKind.Gue, hosts, hosts.Carol);
        }
        var ack = Acknowledging(Some.Syn(hosts)) with { Options = [2, 4, 0xff, 0xff] };
        IsTunnelled(lb.Receive(ack), ack, TunnelKind.Gue, hosts, hosts.Carol);
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void A_flows_packets_have_one_outer_source_and_flows_have_many(Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Carol);
        var ports = Enumerable.Range(40001, 100).Select(port =>
        {
            var syn = Some.Syn(hosts) with { Source = hosts.Alice.Port(port) };
            var first = EntropyOf(lb.Receive(syn).Left);
            Assert.Equal(first, EntropyOf(lb.Receive(Acknowledging(syn)).Left));
            return first;
        }).ToHashSet();

        if (mode == TunnelKind.Gue || outside == Hosts.Ip6)
            Assert.InRange(ports.Count, 90, 100);
        Assert.All(ports, port => Assert.True(port is 0 or >= 0xc000));
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void An_error_about_a_backends_answer_reaches_it_through_the_tunnel(
        Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Carol);
        lb.Receive(Some.Syn(hosts));
        var answer = new TcpPacket(hosts.Web, Some.Syn(hosts).Source, Tcp.Psh | Tcp.Ack) { Payload = Some.Bytes(400) };
        var error = new IcmpError(hosts.Dave, IcmpSays.FragmentationNeeded, answer);

        IsTunnelled(lb.Receive(error), error, mode, outside, outside.Carol);

        Assert.Equal(1ul, lb.Reasons()[LbReason.SentIcmpError]);
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void A_backend_on_the_link_is_reached_too(Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.BackendA);

        IsTunnelled(lb.Receive(Some.Syn(hosts)), Some.Syn(hosts), mode, outside, outside.BackendA);
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void A_backend_with_an_unresolved_neighbour_is_left_to_the_kernel(
        Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, mode, outside.Unresolved);

        IsTunnelled(lb.Deliver(Some.Syn(hosts)), Some.Syn(hosts), mode, outside, outside.Unresolved);
    }

    [Theory, OnEveryHook]
    public void A_backend_without_a_route_is_refused(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        Serve(lb, hosts, TunnelKind.Gue, hosts.Unreachable);

        lb.Deliver(Some.Syn(hosts)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseNoRoute);
        lb.HasNoFlow();
    }

    /// <summary>It may be a large segment, and only tc can have the kernel put a header before each part.</summary>
    [Theory, OverEachIp]
    public void Xdp_passes_a_packet_with_a_partial_checksum_to_tc(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Xdp);
        Serve(lb, hosts, TunnelKind.Ipip, hosts.Carol);
        lb.Receive(Some.Syn(hosts));
        var partial = Acknowledging(Some.Syn(hosts)) with { Checksum = L4Checksum.Partial };

        lb.Receive(partial).IsPassedUntouched();
        IsTunnelled(lb.ReceiveOnTc(partial), partial, TunnelKind.Ipip, hosts, hosts.Carol);
    }

    [Theory, OnEveryHook]
    public void Fragments_follow_their_first_one(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.Tunnel(lb.ServeUdp(hosts.Web, hosts.Carol.Port(80), hosts.Erin.Port(80)), TunnelKind.Gue);
        var pieces = (Some.Datagram(hosts) with { Payload = Some.Bytes(3000) }).Fragment(0x5eed, 1200, 2400);

        foreach (var piece in pieces)
            IsTunnelled(lb.Receive(piece), piece, TunnelKind.Gue, hosts, hosts.Carol);

        lb.HasCounted((LbReason.SentToBackend, 3));
    }

    [Theory, OnEveryHook]
    public void A_flow_is_the_clients_direction_alone(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = Serve(lb, hosts, TunnelKind.Gue, hosts.Carol);

        lb.Receive(Some.Syn(hosts));
        Assert.Single(lb.Tables.HalfOpen.Keys());
        lb.Receive(Acknowledging(Some.Syn(hosts)));
        lb.Pass(TimeSpan.FromSeconds(5));
        lb.Receive(Acknowledging(Some.Syn(hosts)));
        var key = Assert.Single(lb.Tables.Flows.Keys());
        Assert.Empty(lb.Tables.HalfOpen.Keys());
        Assert.Equal(hosts.Carol.Port(80), lb.HalfOf(key).Rewritten.Destination);
        Assert.Equal(1, lb.LiveFlowsOf(web, hosts.Carol.Port(80)));

        lb.Receive(Acknowledging(Some.Syn(hosts)) with { Flags = Tcp.Fin | Tcp.Ack });
        Assert.Equal(0, lb.LiveFlowsOf(web, hosts.Carol.Port(80)));
    }

    /// <summary>So it does at another balancer, which has no state of it.</summary>
    [Theory, MemberData(nameof(Tunnels))]
    public void A_connection_whose_state_was_lost_reaches_its_backend_again(
        Hook hook, Hosts hosts, TunnelKind mode, Hosts outside)
    {
        using var lb = Balancer.On(hook);
        lb.Tunnel(lb.ServeTcp(hosts.Web, outside.Carol.Port(80), outside.Dave.Port(80)), mode, LbAlgorithm.Maglev);
        lb.Receive(Some.Syn(hosts));
        var key = Assert.Single(lb.Tables.HalfOpen.Keys());
        Assert.True(lb.Tables.HalfOpen.TryGet(key, out var before));
        Assert.True(lb.Tables.Backends.TryGet(before.Backend, out var backend));
        lb.Tables.HalfOpen.Remove(key);
        var ack = Acknowledging(Some.Syn(hosts));

        IsTunnelled(lb.Receive(ack), ack, mode, outside, backend.EndPoint.Address);
    }

    static TestService Serve(Balancer lb, Hosts hosts, TunnelKind mode, IPAddress backend) =>
        lb.Tunnel(lb.ServeTcp(hosts.Web, backend.Port(80)), mode);

    static TcpPacket Acknowledging(TcpPacket syn) => new(syn.Source, syn.Destination, Tcp.Ack) { Sequence = syn.Sequence + 1 };

    /// <summary>The outer header to a backend: from the balancer's address on the link that leads there.</summary>
    static OuterHeader Outer(TunnelKind mode, Hosts outside, IPAddress backend) =>
        new(mode, TestNetwork.WayTo(backend)?.Link == TestNetwork.Far ? outside.FarBalancer : outside.Balancer, backend);

    static void IsTunnelled(Outcome outcome, Packet packet, TunnelKind mode, Hosts outside, IPAddress backend)
    {
        var outer = Outer(mode, outside, backend);
        var way = TestNetwork.WayTo(backend);
        var expected = outer.Around(packet, EntropyOf(outcome.Left));
        if (outcome.Hook == Hook.Tc && outcome.KernelResolves)
        {
            outcome.Came.AsSpan(0, 2 * Mac.Length).CopyTo(expected);
        }
        else
        {
            way!.Neighbour.Write(expected);
            way.Link.Mac.Write(expected.AsSpan(Mac.Length));
        }
        Assert.Equal(
            outcome.Hook == Hook.Xdp && way?.Link == outcome.Ingress ? Verdict.Transmit : Verdict.Redirect, outcome.Verdict);
        FrameComparison.AssertSame(expected, outcome.Left, $"tunnelled on {outcome.Hook}");
    }

    /// <summary>What spreads flows in a frame: the UDP source port, or the IPv6 flow label; 0 if there is neither.</summary>
    static int EntropyOf(byte[] frame)
    {
        if (frame.Length < Packet.EthernetLength + Ip6Header.MinLength)
            return 0;
        var ip = frame.AsSpan(Packet.EthernetLength);
        if (ip[0] >> 4 == 6)
            return (int)(BinaryPrimitives.ReadUInt32BigEndian(ip) & 0xfffff);
        return ip[9] == UdpPacket.ProtocolNumber ? BinaryPrimitives.ReadUInt16BigEndian(ip[20..]) : 0;
    }
}
