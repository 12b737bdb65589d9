using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// What hardware is to finish may be the packet's own checksum or one inside: a tunnelled packet's, whose outer one is
/// complete. Each is mended as what it is, whether the kernel tells which it is or not.
/// </summary>
public sealed class PartialChecksums
{
    const int Inner = 40; // from the UDP header

    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void The_packets_checksum_stays_partial(Hosts hosts) =>
        MendsOwn(Balancer.OnLookingTc(), hosts);

    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void The_packets_checksum_stays_partial_if_its_state_is_unknown(Hosts hosts) =>
        MendsOwn(Balancer.OnCompatibleTc(), hosts);

    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void An_inner_partial_checksum_keeps_the_outer_one_complete(Hosts hosts) =>
        MendsOuter(Balancer.OnLookingTc(), hosts);

    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void An_inner_partial_checksum_keeps_the_outer_one_if_its_state_is_unknown(Hosts hosts) =>
        MendsOuter(Balancer.OnCompatibleTc(), hosts);

    static void MendsOwn(Balancer lb, Hosts hosts) => Mends(
        lb, hosts, Some.Datagram(hosts) with { Checksum = L4Checksum.Partial }, frame => (frame.SegmentOffset, frame.L4ChecksumOffset));

    static void MendsOuter(Balancer lb, Hosts hosts) => Mends(
        lb, hosts, Some.Datagram(hosts) with { Payload = Some.Bytes(100) }, frame => (frame.SegmentOffset + Inner, 16));

    static void Mends(Balancer lb, Hosts hosts, UdpPacket packet, Func<Frame, (int Start, int Offset)> unfinished)
    {
        using var _ = lb;
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(8080));
        using var cable = lb.PlugIn(hosts);
        // The first packet asks for the way, and those after it know it.
        for (var times = 0; times < 2; times++)
        {
            var outcome = Send(packet with { DestinationMac = TestNetwork.Lan.Mac });
            var flow = TestFlow.From(outcome);
            outcome.LeavesAs(flow.AtBackend(packet));

            var answer = packet with { Source = flow.Backend, Destination = flow.Nat };
            Send(answer with { DestinationMac = TestNetwork.Lan.Mac }).LeavesAs(flow.AtClient(answer));
        }

        Outcome Send(Packet given)
        {
            var frame = given.ToFrame();
            var (start, offset) = unfinished(new(frame));
            return cable.Send(frame, start, offset);
        }
    }
}
