using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>What is not for a service is left alone, byte for byte.</summary>
[Case(PacketCase.NotOurs)]
public sealed class OtherTraffic
{
    static readonly CaseTable<(Packet Packet, LbReason Reason)> Cases = new()
    {
        Both =
        {
            ["another host's address"] = hosts =>
                (Some.Syn(hosts) with { Destination = hosts.Bob.Port(80) }, LbReason.PassNoService),
            ["another port of ours"] = hosts =>
                (Some.Syn(hosts) with { Destination = hosts.Balancer.Port(81) }, LbReason.PassNoService),
            ["the service's port read in the other byte order"] = hosts =>
                (Some.Syn(hosts) with { Destination = hosts.Balancer.Port(0x5000) }, LbReason.PassNoService),
            ["the same port by UDP"] = hosts => (Some.Datagram(hosts), LbReason.PassNoService),
            ["a client that has the service's port"] = hosts =>
                (Some.Syn(hosts) with { Source = hosts.Web, Destination = hosts.Bob.Port(99) }, LbReason.PassNoService),
            ["SCTP"] = hosts => (Some.Syn(hosts) with { ClaimedProtocol = 132 }, LbReason.PassProtocol),
            ["ESP"] = hosts => (Some.Syn(hosts) with { ClaimedProtocol = 50 }, LbReason.PassProtocol),
            ["UDP-Lite"] = hosts => (Some.Datagram(hosts) with { ClaimedProtocol = 136 }, LbReason.PassProtocol),
            ["a tunnelled IPv4 packet"] = hosts =>
                (Some.Syn(hosts) with { ClaimedProtocol = 4 }, LbReason.PassProtocol),
            ["a tunnelled IPv6 packet"] = hosts =>
                (Some.Syn(hosts) with { ClaimedProtocol = 41 }, LbReason.PassProtocol),
            ["no next header"] = hosts => (Some.Syn(hosts) with { ClaimedProtocol = 59 }, LbReason.PassProtocol),
            ["the other IP's ICMP"] = hosts => (Some.Datagram(hosts) with
            {
                ClaimedProtocol = hosts == Hosts.Ip4 ? IcmpError.ProtocolNumber6 : IcmpError.ProtocolNumber4,
            }, LbReason.PassProtocol),
            ["ARP"] = hosts => (Some.Syn(hosts) with { EtherType = 0x0806 }, LbReason.PassNotIp),
            ["a VLAN tag"] = hosts => (Some.Syn(hosts) with { EtherType = 0x8100, TypeOfService = 1 }, LbReason.PassNotIp),
            ["an LLC frame"] = hosts => (Some.Syn(hosts) with { EtherType = 0x0040 }, LbReason.PassNotIp),
        },
        Ip4 =
        {
            ["extension headers"] = (Some.Syn(Hosts.Ip4) with { ClaimedProtocol = 60 }, LbReason.PassProtocol),
        },
        Ip6 =
        {
            ["a chain of seven extension headers"] = (Some.Syn(Hosts.Ip6) with
            {
                Extensions = [.. Enumerable.Repeat(Extension.DestinationOptions(), 7)],
            }, LbReason.PassProtocol),
            ["a routing header that leads on"] = (Some.Syn(Hosts.Ip6) with
            {
                Extensions = [Extension.Routing(segmentsLeft: 1)],
            }, LbReason.PassProtocol),
            ["a routing header that leads far, behind others"] = (Some.Syn(Hosts.Ip6) with
            {
                Extensions =
                [
                    Extension.HopByHop(), Extension.DestinationOptions(), Extension.Routing(segmentsLeft: 255),
                ],
            }, LbReason.PassProtocol),
            ["a fragment of a packet that is routed on"] = (Some.Syn(Hosts.Ip6) with
            {
                Extensions = [Extension.Routing(segmentsLeft: 1), Extension.Fragment(new Piece(77, 8, More: true))],
            }, LbReason.PassProtocol),
            ["a fragment header inside a fragment"] = (Some.Syn(Hosts.Ip6) with
            {
                Extensions =
                [
                    Extension.Fragment(new Piece(77, 0, More: true)), Extension.Fragment(new Piece(78, 0, More: false)),
                ],
            }, LbReason.PassProtocol),
            ["two fragment headers of a whole packet"] = (Some.Syn(Hosts.Ip6) with
            {
                Extensions =
                [
                    Extension.Fragment(new Piece(77, 0, More: false)), Extension.Fragment(new Piece(78, 0, More: false)),
                ],
            }, LbReason.PassProtocol),
            ["a mobility header"] = (Some.Syn(Hosts.Ip6) with { ClaimedProtocol = 135 }, LbReason.PassProtocol),
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> All => Cases.Rows;

    [Theory, MemberData(nameof(All))]
    public void It_passes_untouched(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        foreach (var each in Hosts.OfEachFamily)
            lb.ServeTcp(each.Web, each.BackendA.Port(80));
        var (packet, reason) = Cases[hosts, what];

        lb.Receive(packet).IsPassedUntouched();

        lb.HasCounted((reason, 1));
        Assert.Empty(lb.ReadEvents());
    }

    /// <summary>The kernel removes the tag before the tc hook, and keeps it beside the packet.</summary>
    [Theory, OverEachIp]
    public async Task A_frame_of_a_VLAN_opens_no_flow(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        using var cable = lb.PlugIn(hosts);
        var untagged = (Some.Syn(hosts) with { DestinationMac = TestNetwork.Lan.Mac }).ToFrame();
        var tag = new byte[] { 0x81, 0x00, 0, 5 }; // VLAN 5

        cable.Send([.. untagged[..MacsLength], .. tag, .. untagged[MacsLength..]]);

        await Eventually.That("the frame was counted", lb.Reasons, reasons => reasons.GetValueOrDefault(LbReason.PassNotIp) == 1,
            reasons => string.Join(", ", reasons));
        lb.HasNoFlow();
    }

    const int MacsLength = 12;
}
