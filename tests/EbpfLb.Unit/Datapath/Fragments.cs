using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// Fragments go where their first one has gone, which alone has the ports; where it is unknown they pass untouched.
/// </summary>
[Case(PacketCase.Fragments)]
public sealed class Fragments
{
    const uint Id = 0x5eed;

    [Theory, OnEveryHook]
    public void All_of_a_datagrams_reach_its_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53), hosts.BackendB.Port(53));
        var datagram = Some.Datagram(hosts) with { Payload = Some.Bytes(3000) };
        var pieces = datagram.Fragment(Id, 1480, 2960);

        var opened = lb.Receive(pieces[0]);

        var flow = new TestFlow(datagram.Source, dns.At, hosts.Balancer.Port(40001), hosts.BackendA.Port(53));
        var arriving = flow.AtBackend(datagram).Fragment(opened.FragmentId, 1480, 2960);
        opened.LeavesAs(arriving[0]);
        lb.Receive(pieces[1]).LeavesAs(arriving[1]);
        lb.Receive(pieces[2]).LeavesAs(arriving[2]);
        lb.HasCounted((LbReason.SentToBackend, 3));
        Assert.Equal(1ul, lb.TrafficOf(dns).Flows);
    }

    [Theory, OnEveryHook]
    public void All_of_an_answers_reach_its_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53)));
        var answer = new UdpPacket(flow.Backend, flow.Nat) { Payload = Some.Bytes(2001) };

        Follow(lb, answer.Fragment(Id, 8, 1488), id => flow.AtClient(answer).Fragment(id, 8, 1488));
    }

    [Theory, OnEveryHook]
    public void A_segments_follow_it_as_well(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(2000) };

        Follow(lb, data.Fragment(Id, 1200), id => flow.AtBackend(data).Fragment(id, 1200));
    }

    [Theory, OnEveryHook]
    public void Fragments_of_two_packets_at_once_do_not_mix(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53), hosts.BackendB.Port(53));
        var one = Some.Datagram(hosts) with { Payload = Some.Bytes(1000) };
        var other = one with { Source = hosts.Alice.Port(40002) };
        var (ones, others) = (one.Fragment(Id, 800), other.Fragment(Id + 1, 800));
        var flowOfOne = new TestFlow(one.Source, hosts.Web, hosts.Balancer.Port(40001), hosts.BackendA.Port(53));
        var flowOfOther = new TestFlow(other.Source, hosts.Web, hosts.Balancer.Port(40002), hosts.BackendB.Port(53));

        var idOfOne = lb.Receive(ones[0]).FragmentId;
        var idOfOther = lb.Receive(others[0]).FragmentId;

        lb.Receive(ones[1]).LeavesAs(flowOfOne.AtBackend(one).Fragment(idOfOne, 800)[1]);
        lb.Receive(others[1]).LeavesAs(flowOfOther.AtBackend(other).Fragment(idOfOther, 800)[1]);
    }

    /// <summary>In IPv4 a segment and a datagram may have one id; in IPv6 the id alone tells packets apart.</summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public void Fragments_of_two_protocols_with_one_id_do_not_mix(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var connection = lb.Open(hosts.Alice.Port(40002), lb.ServeTcp(hosts.Web, hosts.BackendB.Port(80)));
        var datagram = Some.Datagram(hosts) with { Payload = Some.Bytes(1000) };
        var flow = new TestFlow(datagram.Source, hosts.Web, hosts.Balancer.Port(40001), hosts.BackendA.Port(53));
        var segment = connection.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(1000) };

        var idOfDatagram = lb.Receive(datagram.Fragment(Id, 800)[0]).FragmentId;
        var idOfSegment = lb.Receive(segment.Fragment(Id, 800)[0]).FragmentId;

        lb.Receive(datagram.Fragment(Id, 800)[1]).LeavesAs(flow.AtBackend(datagram).Fragment(idOfDatagram, 800)[1]);
        lb.Receive(segment.Fragment(Id, 800)[1]).LeavesAs(connection.AtBackend(segment).Fragment(idOfSegment, 800)[1]);
    }

    [Theory, OnEveryHook]
    public void A_later_fragment_whose_first_one_is_unknown_passes_untouched(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var pieces = (Some.Datagram(hosts) with { Payload = Some.Bytes(3000) }).Fragment(Id, 1480, 2960);

        lb.Receive(pieces[1]).IsPassedUntouched();
        lb.Receive(pieces[2]).IsPassedUntouched();
        lb.Receive((Some.Datagram(hosts) with { Payload = Some.Bytes(99) }).Fragment(Id + 1, 64)[0]);
        lb.Receive(pieces[1]).IsPassedUntouched();

        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.PassFragment, 3));
    }

    [Theory, OnEveryHook]
    public void Later_fragments_follow_for_half_a_minute_and_no_longer(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var datagram = Some.Datagram(hosts) with { Payload = Some.Bytes(3000) };
        var pieces = datagram.Fragment(Id, 1480, 2960);
        var opened = lb.Receive(pieces[0]);

        lb.Pass(TimeSpan.FromSeconds(25));
        lb.Receive(pieces[1]).LeavesAs(TestFlow.From(opened).AtBackend(datagram).Fragment(opened.FragmentId, 1480, 2960)[1]);
        lb.Pass(TimeSpan.FromSeconds(6));
        lb.Receive(pieces[2]).IsPassedUntouched();

        lb.HasCounted((LbReason.SentToBackend, 2), (LbReason.PassFragment, 1));
    }

    [Theory, OnEveryHook]
    public void A_reused_id_follows_its_new_first_fragment(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53), hosts.BackendB.Port(53));
        var old = Some.Datagram(hosts) with { Payload = Some.Bytes(1000) };
        var anew = old with { Source = hosts.Alice.Port(40002) };
        lb.Receive(old.Fragment(Id, 800)[0]);
        lb.Pass(TimeSpan.FromMinutes(1));

        lb.Receive(anew.Fragment(Id, 800)[1]).IsPassedUntouched();
        var opened = lb.Receive(anew.Fragment(Id, 800)[0]);
        lb.Receive(anew.Fragment(Id, 800)[1]).LeavesAs(TestFlow.From(opened).AtBackend(anew).Fragment(opened.FragmentId, 800)[1]);
    }

    [Theory, OnEveryHook]
    public void Fragments_of_other_traffic_pass_untouched(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var other = Some.Datagram(hosts) with { Destination = hosts.Balancer.Port(54), Payload = Some.Bytes(99) };
        var pieces = other.Fragment(Id, 64);

        lb.Receive(pieces[0]).IsPassedUntouched();
        lb.Receive(pieces[1]).IsPassedUntouched();

        lb.HasCounted((LbReason.PassNoService, 1), (LbReason.PassFragment, 1));
    }

    [Theory, OnEveryHook]
    public void Two_clients_with_one_id_do_not_mix_at_their_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        UdpPacket[] datagrams =
        [
            Some.Datagram(hosts) with { Payload = Some.Bytes(2400) },
            Some.Datagram(hosts) with { Source = hosts.Bob.Port(40002), Payload = Some.Bytes(2401) },
        ];

        Outcome[] opened = [.. datagrams.Select(datagram => lb.Receive(datagram.Fragment(777, 1480)[0]))];

        Assert.NotEqual(opened[0].FragmentId, opened[1].FragmentId);
        foreach (var (datagram, first) in datagrams.Zip(opened))
        {
            var arriving = TestFlow.From(first).AtBackend(datagram).Fragment(first.FragmentId, 1480);
            first.LeavesAs(arriving[0]);
            lb.Receive(datagram.Fragment(777, 1480)[1]).LeavesAs(arriving[1]);
        }
    }

    [Theory, OnEveryHook]
    public void Two_backends_with_one_id_do_not_mix_at_their_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53), hosts.BackendB.Port(53));
        TestFlow[] flows = [lb.Open(hosts.Alice.Port(40001), dns), lb.Open(hosts.Alice.Port(40002), dns)];

        var ids = flows.Select(flow => lb.Receive(
            (new UdpPacket(flow.Backend, flow.Nat) { Payload = Some.Bytes(2400) }).Fragment(777, 1480)[0]).FragmentId);

        Assert.Equal(2, ids.Distinct().Count());
    }

    [Theory, OnEveryHook]
    public void A_repeated_first_fragment_keeps_its_id(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var first = (Some.Datagram(hosts) with { Payload = Some.Bytes(2400) }).Fragment(777, 1480)[0];

        Assert.Equal(lb.Receive(first).FragmentId, lb.Receive(first).FragmentId);
    }

    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public void No_id_is_reused_before_all_were_used(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var datagram = Some.Datagram(hosts) with { Payload = Some.Bytes(99) };

        var ids = Enumerable.Range(0, 1000).Select(id => lb.Receive(datagram.Fragment((uint)id, 64)[0]).FragmentId);

        Assert.Equal(1000, ids.Distinct().Count());
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.DirectServerReturn)]
    public void In_mode_dsr_they_keep_the_id(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ReturnDirectly(lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80)));

        foreach (var piece in (Some.Datagram(hosts) with { Payload = Some.Bytes(99) }).Fragment(Id, 64))
            lb.Receive(piece).LeavesAsItCame(hosts.BackendA);
    }

    /// <summary>Each piece leaves as one with the same id.</summary>
    static void Follow(Balancer lb, PieceOfPacket[] pieces, Func<uint, PieceOfPacket[]> arriving)
    {
        Outcome[] outcomes = [.. pieces.Select(lb.Receive)];
        foreach (var (outcome, expected) in outcomes.Zip(arriving(outcomes[0].FragmentId)))
            outcome.LeavesAs(expected);
    }
}
