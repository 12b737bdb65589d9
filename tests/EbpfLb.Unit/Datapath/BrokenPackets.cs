using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A packet with headers cut off or lying is never misread: it passes untouched and opens nothing.</summary>
[Case(PacketCase.BrokenHeaders)]
public sealed class BrokenPackets
{
    static readonly CaseTable<byte[]> Cases = new()
    {
        Both =
        {
            ["nothing behind the IP header"] = hosts => Cut(Some.Syn(hosts), 0),
            ["an IP packet that ends before its TCP header"] = hosts => Cut(Ending(Some.Syn(hosts), 0), 0),
            ["a packet length within the TCP header"] = hosts => Ending(Some.Syn(hosts), 19).ToFrame(),
            ["a packet length within the UDP header"] = hosts => Ending(Some.Datagram(hosts), 7).ToFrame(),
            ["a TCP header cut after its ports"] = hosts => Cut(Some.Syn(hosts), 4),
            ["a TCP header cut after 19 bytes"] = hosts => Cut(Some.Syn(hosts), 19),
            ["a UDP header cut after its ports"] = hosts => Cut(Some.Datagram(hosts), 4),
            ["a UDP header cut after 7 bytes"] = hosts => Cut(Some.Datagram(hosts), 7),
            ["a payload cut short"] = hosts => Cut(Some.Datagram(hosts), UdpPacket.MinLength + 20),
            ["a packet length beyond the frame"] = hosts => Ending(Some.Syn(hosts), 21).ToFrame(),
            ["the largest packet length"] = hosts =>
                (Some.Syn(hosts) with { ClaimedIpLength = hosts == Hosts.Ip4 ? 65535 : 40 + 65535 }).ToFrame(),
            ["the other IP's version"] = hosts =>
                (Some.Syn(hosts) with { ClaimedVersion = hosts == Hosts.Ip4 ? 6 : 4 }).ToFrame(),
            ["the other IP's type of frame"] = hosts => (Some.Syn(hosts) with
            {
                EtherType = hosts == Hosts.Ip4 ? Packet.EtherTypeIp6 : Packet.EtherTypeIp4,
            }).ToFrame(),
            ["version 0"] = hosts => (Some.Syn(hosts) with { ClaimedVersion = 0 }).ToFrame(),
            ["version 15"] = hosts => (Some.Syn(hosts) with { ClaimedVersion = 15 }).ToFrame(),
            ["a TCP header of 0 bytes"] = hosts => (Some.Syn(hosts) with { ClaimedHeaderWords = 0 }).ToFrame(),
            ["a TCP header of 16 bytes"] = hosts => (Some.Syn(hosts) with { ClaimedHeaderWords = 4 }).ToFrame(),
            ["a TCP header longer than the packet"] = hosts =>
                (Some.Syn(hosts) with { ClaimedHeaderWords = 6 }).ToFrame(),
            ["a UDP length of 0"] = hosts => (Some.Datagram(hosts) with { ClaimedLength = 0 }).ToFrame(),
            ["a UDP length of 7"] = hosts => (Some.Datagram(hosts) with { ClaimedLength = 7 }).ToFrame(),
            ["a UDP length beyond the packet"] = hosts => (Some.Datagram(hosts) with { ClaimedLength = 30 }).ToFrame(),
            ["the largest UDP length"] = hosts => (Some.Datagram(hosts) with { ClaimedLength = 65535 }).ToFrame(),
            ["a TCP header that stands in the frame's trailer"] = hosts =>
                (Ending(Some.Syn(hosts), 0) with { Trailer = Some.Bytes(30) }).ToFrame(),
            ["a first fragment whose UDP header stands in the frame's trailer"] = hosts =>
                Ending(Some.Datagram(hosts) with { Piece = new(1, 0, More: true) }, 7).ToFrame(),
        },
        Ip4 =
        {
            ["a total length of zero"] = (Some.Syn(Hosts.Ip4) with { ClaimedIpLength = 0 }).ToFrame(),
            ["a total length below the header's"] = (Some.Syn(Hosts.Ip4) with { ClaimedIpLength = 19 }).ToFrame(),
            ["an IP header of 0 bytes"] = (Some.Syn(Hosts.Ip4) with { ClaimedIpHeaderWords = 0 }).ToFrame(),
            ["an IP header of 16 bytes"] = (Some.Syn(Hosts.Ip4) with { ClaimedIpHeaderWords = 4 }).ToFrame(),
            ["an IP header of 60 bytes in a packet of 40"] =
                (Some.Syn(Hosts.Ip4) with { ClaimedIpHeaderWords = 15 }).ToFrame(),
        },
        Ip6 =
        {
            ["a jumbogram"] = Chained(new(Extension.HopByHopNumber, [0, 0, 0xc2, 4, 0, 1, 0, 0]), claimedData: 0),
            ["a payload length within an extension header"] = Chained(Extension.HopByHop(16), claimedData: 12),
            ["an extension header that says it is longer than the packet"] =
                Chained(new(Extension.DestinationOptionsNumber, [0, 255, .. new byte[6]])),
            ["an authentication header that says it is longer than the packet"] =
                Chained(new(Extension.AuthenticationNumber, [0, 255, .. new byte[22]])),
            ["a UDP datagram without a checksum"] =
                (Some.Datagram(Hosts.Ip6) with { Checksum = L4Checksum.None }).ToFrame(),
            ["an IPv4 client's address mapped into an IPv6 one"] = (Some.Syn(Hosts.Ip6) with
            {
                Source = new(Hosts.Ip4.Alice.MapToIPv6(), 40001),
                SourceMac = Mac.From(Hosts.Ip4.Alice),
            }).ToFrame(),
            ["an IPv4 service's address mapped into an IPv6 one"] = (Some.Syn(Hosts.Ip6) with
            {
                Destination = new(Hosts.Ip4.Web.Address.MapToIPv6(), 80),
                DestinationMac = Mac.From(Hosts.Ip4.Balancer),
            }).ToFrame(),
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> All => Cases.Rows;

    [Theory, MemberData(nameof(All))]
    public void It_passes_untouched(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        foreach (var each in Hosts.OfEachFamily)
        {
            lb.ServeTcp(each.Web, each.BackendA.Port(80));
            lb.ServeUdp(each.Web, each.BackendA.Port(80));
        }

        lb.Receive(Cases[hosts, what], TestNetwork.Lan).IsPassedUntouched();

        lb.HasCounted((LbReason.PassMalformed, 1));
        lb.HasNoFlow();
    }

    /// <summary>
    /// Read as the header claims, the destination address would be the ports, and the acknowledgment the length of a TCP
    /// header of 20 bytes.
    /// </summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public void An_ipv4_header_of_16_bytes_never_reaches_an_any_port_service(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web.Address.Port(0), hosts.BackendA.Port(0));

        lb.Receive(Some.Syn(hosts) with { ClaimedIpHeaderWords = 4, Acknowledgment = 0x50000000 }).IsPassedUntouched();

        lb.HasCounted((LbReason.PassMalformed, 1));
        lb.HasNoFlow();
    }

    /// <summary>The kernel runs tc programs on no such frame (net/bpf/test_run.c), so this is for XDP alone.</summary>
    [Theory, InlineData(1), InlineData(10), InlineData(19)]
    public void A_cut_ipv4_header_passes_untouched_on_xdp(int length) => PassesOnXdp(Hosts.Ip4, length);

    /// <inheritdoc cref="A_cut_ipv4_header_passes_untouched_on_xdp"/>
    [Theory, InlineData(1), InlineData(8), InlineData(39)]
    public void A_cut_ipv6_header_passes_untouched_on_xdp(int length) => PassesOnXdp(Hosts.Ip6, length);

    [Theory, OnEveryHook]
    public void A_frame_without_any_packet_passes_untouched(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);

        // The shortest frame that the kernel runs a program on: an Ethernet header and one byte, of no IP packet.
        var frame = (Some.Syn(hosts) with { EtherType = 0x88b5 }).ToFrame()[..(Packet.EthernetLength + 1)];
        lb.Receive(frame, TestNetwork.Lan).IsPassedUntouched();

        lb.HasCounted((LbReason.PassNotIp, 1));
    }

    static void PassesOnXdp(Hosts hosts, int length)
    {
        using var lb = Balancer.On(Hook.Xdp);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var frame = Some.Syn(hosts).ToFrame()[..(Packet.EthernetLength + length)];

        lb.Receive(frame, TestNetwork.Lan).IsPassedUntouched();

        lb.HasCounted((LbReason.PassMalformed, 1));
    }

    /// <summary>The frame ends so many bytes behind the IP header.</summary>
    static byte[] Cut(Packet packet, int data) =>
        packet.ToFrame()[..(Packet.EthernetLength + packet.IpHeaderLength + data)];

    /// <summary>The packet says that it ends so many bytes behind the IP header.</summary>
    static Packet Ending(Packet packet, int data) =>
        packet with { ClaimedIpLength = packet.IpHeaderLength + data };

    /// <summary>A SYN behind an extension header; its packet claims so much data, by default what it has.</summary>
    static byte[] Chained(Extension extension, int? claimedData = null)
    {
        var syn = Some.Syn(Hosts.Ip6) with { Extensions = [extension] };
        return (syn with { ClaimedIpLength = Ip6Header.MinLength + claimedData }).ToFrame();
    }
}
