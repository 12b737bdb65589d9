using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Only addresses, ports, checksums and the TTL change; the TTL as a router would change it.</summary>
[Case(PacketCase.HeaderFields)]
public sealed class HeaderFields
{
    static readonly CaseTable<Packet> Cases = new()
    {
        Both =
        {
            ["a type of service"] = hosts => Some.Syn(hosts) with { TypeOfService = 0xb9 },
            ["the largest TTL"] = hosts => Some.Syn(hosts) with { Ttl = 255 },
            ["the smallest TTL that goes on"] = hosts => Some.Syn(hosts) with { Ttl = 2 },
            ["40 bytes of TCP options"] = hosts => Some.Syn(hosts) with { Options = [253, 40, .. Some.Bytes(38)] },
            ["every TCP field"] = hosts =>
                Some.Syn(hosts) with { Sequence = 0xdeadbeef, Acknowledgment = 0xfeedface, Window = 0xffff },
            ["data in the SYN"] = hosts => Some.Syn(hosts) with { Payload = Some.Bytes(99) },
            ["the frame's padding"] = hosts => Some.Syn(hosts) with { Trailer = Some.Bytes(6) },
            ["padding after a datagram"] = hosts => Some.Datagram(hosts) with { Trailer = Some.Bytes(15) },
            ["bytes after a datagram within its packet"] = hosts =>
                Some.Datagram(hosts) with { Payload = Some.Bytes(30), ClaimedLength = 8 + 21 },
        },
        Ip4 =
        {
            ["an identification"] = Some.Syn(Hosts.Ip4) with { Identification = 0xfffe },
            ["no don't-fragment flag"] = Some.Syn(Hosts.Ip4) with { Flags4 = Ip4Control.None },
            ["the reserved flag"] = Some.Syn(Hosts.Ip4) with { Flags4 = Ip4Control.Reserved },
            ["4 bytes of IP options"] = Some.Syn(Hosts.Ip4) with { IpOptions = [0x94, 4, 0, 0] },
            ["40 bytes of IP options"] = Some.Syn(Hosts.Ip4) with { IpOptions = [7, 39, 4, .. Some.Bytes(36), 0] },
        },
        Ip6 =
        {
            ["a flow label"] = Some.Syn(Hosts.Ip6) with { FlowLabel = 0xfedcb, TypeOfService = 0x21 },
            ["hop-by-hop options"] = Behind(Extension.HopByHop()),
            ["a routing header"] = Behind(Extension.Routing()),
            ["destination options"] = Behind(Extension.DestinationOptions(16)),
            ["an authentication header"] = Behind(Extension.Authentication()),
            ["a fragment header of a whole packet"] = Behind(Extension.Fragment(new Piece(77, 0, More: false))),
            ["the longest extension header"] = Behind(Extension.DestinationOptions(2048)),
            ["one extension header of each kind, and one more"] = Behind(
                Extension.HopByHop(),
                Extension.DestinationOptions(),
                Extension.Routing(),
                Extension.Fragment(new Piece(78, 0, More: false)),
                Extension.Authentication(28),
                Extension.DestinationOptions(24)),
            ["a datagram behind extension headers"] = Some.Datagram(Hosts.Ip6) with
            {
                Extensions = [Extension.HopByHop(), Extension.Routing(), Extension.DestinationOptions()],
            },
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> All => Cases.Rows;

    [Theory, MemberData(nameof(All))]
    [Case(PacketCase.OptionsAndExtensions)]
    public void They_are_carried_over(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80));
        var packet = Cases[hosts, what];

        var outcome = lb.Receive(packet);

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(packet));
    }

    static TcpPacket Behind(params Extension[] extensions) => Some.Syn(Hosts.Ip6) with { Extensions = extensions };
}
