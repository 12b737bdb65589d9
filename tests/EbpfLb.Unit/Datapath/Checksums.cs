using System.Buffers.Binary;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A right checksum stays right, a wrong one wrong, an absent one absent, and one that the sender left to its
/// hardware is left to hardware again.
/// </summary>
public sealed class Checksums
{
    /// <summary>IPv6 has no such datagrams: see <see cref="BrokenPackets"/>.</summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    [Case(PacketCase.UdpZeroChecksum)]
    public void A_datagram_without_a_checksum_stays_without(Hook hook, Hosts hosts)
    {
        using var lb = Serving(hook, hosts);
        var packet = Some.Datagram(hosts) with { Checksum = L4Checksum.None };

        var outcome = lb.Receive(packet);

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(packet));
        Assert.Equal(0, new Frame(outcome.Left).L4ChecksumField);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.UdpZeroChecksum)]
    public void A_datagrams_computed_zero_is_sent_as_its_other_form(Hook hook, Hosts hosts)
    {
        using var lb = Serving(hook, hosts);
        var flow = lb.Open(Some.Datagram(hosts).Source, lb.ServeUdp(hosts.Balancer.Port(53), hosts.BackendA.Port(53)));
        var packet = Some.Datagram(hosts) with { Destination = flow.Service, Payload = [0, 0] };
        // Adding a packet's checksum to its words makes the checksum zero.
        var checksum = new Frame(flow.AtBackend(packet).ToFrame()).L4ChecksumField;
        packet = packet with { Payload = [(byte)(checksum >> 8), (byte)checksum] };

        var outcome = lb.Receive(packet);

        Assert.Equal(0xffff, new Frame(outcome.Left).L4ChecksumField);
        outcome.LeavesAs(flow.AtBackend(packet));
    }

    [Theory, OnEveryHook]
    public void A_wrong_checksum_stays_wrong(Hook hook, Hosts hosts)
    {
        using var lb = Serving(hook, hosts);

        foreach (var packet in new Packet[] { Some.Datagram(hosts), Some.Syn(hosts) })
        {
            var outcome = lb.Receive(packet with { Checksum = L4Checksum.Wrong });

            Assert.Equal(L4Checksum.Wrong, new Frame(outcome.Left).L4Checksum);
            Assert.True(new Frame(outcome.Left).Ip!.ChecksumIsRight);
        }
    }

    [Theory, OverEachIp(0), OverEachIp(1), OverEachIp(1201)]
    [Case(PacketCase.Offloads)]
    public void A_checksum_left_to_hardware_is_left_to_it_again_by_xdp(Hosts hosts, int length)
    {
        using var lb = Serving(Hook.Xdp, hosts);

        foreach (var packet in new Packet[] { Some.Datagram(hosts), Some.Syn(hosts) })
        {
            var partial = packet with { Checksum = L4Checksum.Partial, Payload = Some.Bytes(length) };

            var outcome = lb.Receive(partial);

            outcome.LeavesAs(TestFlow.From(outcome).AtBackend(partial));
        }
    }

    /// <summary>A native frame takes no note along that its checksum is yet to be finished.</summary>
    [Theory, OverEachIp]
    public void A_checksum_left_to_hardware_is_left_to_tc_by_native_xdp(Hosts hosts)
    {
        using var lb = Serving(Balancer.OnNativeXdp(), hosts);
        Packet[] packets = [Some.Datagram(hosts), Some.Syn(hosts)];

        foreach (var packet in packets)
            lb.Receive(packet with { Checksum = L4Checksum.Partial }).IsPassedUntouched();
        foreach (var packet in packets)
        {
            var outcome = lb.Receive(packet);
            outcome.LeavesAs(TestFlow.From(outcome).AtBackend(packet));
        }

        lb.HasCounted((LbReason.PassToTc, 2), (LbReason.SentToBackend, 2));
    }

    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void A_checksum_left_to_hardware_covers_the_datagram_and_no_byte_after_it(Hosts hosts)
    {
        using var lb = Serving(Hook.Xdp, hosts);
        var partial = Some.Datagram(hosts) with { Checksum = L4Checksum.Partial, ClaimedLength = 8 + 12 };

        var outcome = lb.Receive(partial);

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(partial));
    }

    [Theory]
    [OverEachIp(2), OverEachIp(3), OverEachIp(34), OverEachIp(43), OverEachIp(44), OverEachIp(45), OverEachIp(56)]
    [OverEachIp(107), OverEachIp(108), OverEachIp(110), OverEachIp(1400), OverEachIp(1401)]
    [Case(PacketCase.Offloads)]
    public void A_checksum_that_may_be_either_is_left_to_tc_by_xdp(Hosts hosts, int length)
    {
        using var lb = Serving(Hook.Xdp, hosts);

        foreach (var packet in new Packet[] { Some.Datagram(hosts), Some.Syn(hosts) })
        {
            var either = RightThoughPartial(packet, length);

            lb.Receive(either).IsPassedUntouched();

            var outcome = lb.ReceiveOnTc(either);
            outcome.LeavesAs(TestFlow.From(outcome).AtBackend(either with { Checksum = L4Checksum.Complete }));
        }
        lb.HasCounted((LbReason.PassToTc, 2), (LbReason.SentToBackend, 2));
    }

    /// <summary>The card's own sum over the packet, which the kernel trusts later, is kept right by tc.</summary>
    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void The_sum_that_a_card_has_taken_stays_right_on_tc(Hosts hosts)
    {
        using var lb = Serving(Hook.Tc, hosts);
        Packet[] packets =
        [
            Some.Syn(hosts),
            Some.Datagram(hosts),
            Some.Datagram(hosts) with { Source = hosts.Bob.Port(40002), Payload = Some.Bytes(1400), Ttl = 255 },
            Some.Syn(hosts) with { Source = hosts.Bob.Port(99), TypeOfService = 0xb8, Ttl = 2 },
        ];

        foreach (var packet in packets)
        {
            var outcome = lb.ReceiveSummedOnTc(packet);
            var flow = TestFlow.From(outcome);
            outcome.LeavesAs(flow.AtBackend(packet));
            var answer = packet with { Source = flow.Backend, Destination = flow.Nat };
            lb.ReceiveSummedOnTc(answer).LeavesAs(flow.AtClient(answer));
        }
    }

    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void The_sums_that_a_card_has_taken_of_fragments_stay_right_on_tc(Hosts hosts)
    {
        using var lb = Serving(Hook.Tc, hosts);
        var datagram = Some.Datagram(hosts) with { Payload = Some.Bytes(1000) };
        var flow = new TestFlow(
            datagram.Source, datagram.Destination, hosts.Balancer.Port(40001), hosts.BackendA.Port(8080));

        Outcome[] outcomes = [.. datagram.Fragment(9, 600).Select(lb.ReceiveSummedOnTc)];

        foreach (var (outcome, arriving) in outcomes.Zip(flow.AtBackend(datagram).Fragment(outcomes[0].FragmentId, 600)))
            outcome.LeavesAs(arriving);
    }

    [Fact]
    [Case(PacketCase.Offloads, PacketCase.UdpZeroChecksum)]
    public void The_sum_that_a_card_has_taken_of_a_datagram_without_a_checksum_stays_right_on_tc()
    {
        using var lb = Serving(Hook.Tc, Hosts.Ip4);
        var packet = Some.Datagram(Hosts.Ip4) with { Checksum = L4Checksum.None };

        var outcome = lb.ReceiveSummedOnTc(packet);

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(packet));
    }

    static Balancer Serving(Hook hook, Hosts hosts) => Serving(Balancer.On(hook), hosts);

    static Balancer Serving(Balancer lb, Hosts hosts)
    {
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080));
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(8080));
        return lb;
    }

    /// <summary>Chooses the payload's first word so that the pseudo header's sum is also the right checksum.</summary>
    static Packet RightThoughPartial(Packet packet, int length)
    {
        var payload = Some.Bytes(length);
        payload[0] = payload[1] = 0;
        packet = packet with { Checksum = L4Checksum.Partial, Payload = payload };
        var frame = new Frame(packet.ToFrame());
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)~frame.SegmentSum);
        var either = new Frame(packet.ToFrame());
        Assert.Equal((true, L4Checksum.Complete), (either.LooksPartial, either.L4Checksum));
        return packet;
    }
}
