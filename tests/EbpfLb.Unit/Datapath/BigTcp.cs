using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Segments above 64 KiB have no length in their IP headers. A run of one packet holds less, which must do.</summary>
[Case(PacketCase.Offloads)]
public sealed class BigTcp
{
    const int SegmentSize = 1400;

    public static IEnumerable<TheoryDataRow<Hosts, bool>> Headers =>
        [new(Hosts.Ip4, false), new(Hosts.Ip6, false), new(Hosts.Ip6, true)];

    [Theory, MemberData(nameof(Headers))]
    public void Tc_carries_a_large_segment_without_a_length(Hosts hosts, bool hasJumboHeader)
    {
        using var lb = Balancer.On(Hook.Tc);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        var upload = Big(flow.FromClient(Tcp.Psh | Tcp.Ack), hasJumboHeader);
        var download = Big(flow.FromBackend(Tcp.Psh | Tcp.Ack), hasJumboHeader);

        lb.ReceiveLargeOnTc(upload, SegmentSize).LeavesAs(flow.AtBackend(upload));
        lb.ReceiveLargeOnTc(download, SegmentSize).LeavesAs(flow.AtClient(download));

        Assert.Equal((ulong)download.IpLength, lb.TrafficOf(web).ToClientBytes);
    }

    /// <summary>The header with the length stays behind when it is cut.</summary>
    [Theory, MemberData(nameof(Headers))]
    public void Its_segments_may_be_as_large_as_the_link_takes(Hosts hosts, bool hasJumboHeader)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));
        var large = Big(flow.FromClient(Tcp.Psh | Tcp.Ack), hasJumboHeader);
        var fits = TestNetwork.Far.Mtu - (large.IpLength - large.Payload.Length - (hasJumboHeader ? 8 : 0));

        lb.ReceiveLargeOnTc(large, fits).LeavesAs(flow.AtBackend(large));
        lb.ReceiveLargeOnTc(large, fits + 1);

        Assert.Equal(1ul, lb.Reasons()[LbReason.SentTooBig]);
    }

    [Theory, MemberData(nameof(Headers))]
    public void Without_segments_to_cut_it_is_malformed(Hosts hosts, bool hasJumboHeader)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        lb.Receive(Big(flow.FromClient(Tcp.Psh | Tcp.Ack), hasJumboHeader)).IsPassedUntouched();

        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.PassMalformed, 1));
    }

    [Theory, MemberData(nameof(Headers))]
    public void Xdp_passes_it_to_tc(Hosts hosts, bool hasJumboHeader)
    {
        using var lb = Balancer.On(Hook.Xdp);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var large = Big(flow.FromClient(Tcp.Psh | Tcp.Ack), hasJumboHeader);

        lb.Receive(large).IsPassedUntouched();
        lb.ReceiveLargeOnTc(large, SegmentSize).LeavesAs(flow.AtBackend(large));
    }

    static TcpPacket Big(TcpPacket packet, bool hasJumboHeader)
    {
        var big = packet with { Payload = Some.Bytes(3000) };
        if (hasJumboHeader)
            big = big with { Extensions = [Extension.Jumbo(big.IpLength + 8 - Ip6Header.MinLength)] };
        return big with { ClaimedIpLength = big.IsIp4 ? 0 : Ip6Header.MinLength };
    }
}
