using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// An ICMP error that quotes a balanced packet goes to who sent that packet, about the packet that he sent: so
/// path-MTU discovery works through the balancer, and clients learn what backends and the routers behind it say.
/// </summary>
[Case(PacketCase.IcmpErrors)]
public sealed class IcmpErrors
{
    [Theory]
    [OnEveryHook(IcmpSays.HostUnreachable), OnEveryHook(IcmpSays.PortUnreachable), OnEveryHook(IcmpSays.TimeExceeded)]
    [OnEveryHook(IcmpSays.FragmentationNeeded), OnEveryHook(IcmpSays.ParameterProblem)]
    public void One_about_a_clients_packet_reaches_the_client(Hook hook, Hosts hosts, IcmpSays says)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));
        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(400) };

        var error = new IcmpError(hosts.Carol, says, flow.AtBackend(data));

        lb.Receive(error).LeavesAs(flow.AtClient(error));
        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.SentIcmpError, 1));
    }

    [Theory]
    [OnEveryHook(IcmpSays.HostUnreachable), OnEveryHook(IcmpSays.PortUnreachable), OnEveryHook(IcmpSays.TimeExceeded)]
    [OnEveryHook(IcmpSays.FragmentationNeeded), OnEveryHook(IcmpSays.ParameterProblem)]
    public void One_about_a_backends_packet_reaches_the_backend(Hook hook, Hosts hosts, IcmpSays says)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));
        var data = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(400) };

        var error = new IcmpError(hosts.Carol, says, flow.AtClient(data));

        lb.Receive(error).LeavesAs(flow.AtBackend(error));
        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.SentIcmpError, 1));
    }

    static readonly CaseTable<Func<IcmpError, IcmpError>> Quotes = new()
    {
        Both =
        {
            ["eight bytes behind its IP header"] = _ => error => error with { QuotedLength = Headers(error) + 8 },
            ["its ports alone"] = _ => error => error with { QuotedLength = Headers(error) + 4 },
            ["an odd number of bytes"] = _ => error => error with { QuotedLength = Headers(error) + 11 },
            ["all before its checksum"] = _ => error => error with { QuotedLength = Headers(error) + 16 },
            ["its checksum and no more"] = _ => error => error with { QuotedLength = Headers(error) + 18 },
            ["its header without its payload"] = _ => error => error with { QuotedLength = Headers(error) + 20 },
            ["ports that padding of the frame follows"] = _ => error =>
                error with { QuotedLength = Headers(error) + 8, Trailer = Some.Bytes(46) },
            ["a wrong checksum"] = _ => Quoting(packet => packet with { Checksum = L4Checksum.Wrong }),
            ["another type of service"] = _ => Quoting(packet => packet with { TypeOfService = 0x88 }),
            ["a TTL that is used up"] = _ => Quoting(packet => packet with { Ttl = 0 }),
            ["no checksum of its own that is right"] = _ => error => error with { Checksum = L4Checksum.Wrong },
        },
        Ip4 =
        {
            ["IP options"] = Quoting(packet => packet with { IpOptions = [7, 39, 4, .. Some.Bytes(36), 0] }),
            ["no flag against fragmentation"] = Quoting(packet => packet with { Flags4 = Ip4Control.None }),
        },
        Ip6 =
        {
            ["a flow label"] = Quoting(packet => packet with { FlowLabel = 0xabcde }),
            ["extension headers"] = Quoting(packet => packet with
            {
                Extensions = [Extension.HopByHop(), Extension.Routing(), Extension.DestinationOptions()],
            }),
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> AllQuotes => Quotes.Rows;

    [Theory, MemberData(nameof(AllQuotes))]
    public void A_quote_may_have(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));
        var toBackend = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(99) };
        var toClient = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(99) };
        var vary = Quotes[hosts, what];
        var aboutClients = vary(new(hosts.BackendA, IcmpSays.TimeExceeded, flow.AtBackend(toBackend)));
        var aboutBackends = vary(new(hosts.Alice, IcmpSays.TimeExceeded, flow.AtClient(toClient)));

        lb.Receive(aboutClients).LeavesAs(flow.AtClient(aboutClients));
        lb.Receive(aboutBackends).LeavesAs(flow.AtBackend(aboutBackends));
    }

    [Theory, OnEveryHook(L4Checksum.Complete), OnEveryHook(L4Checksum.Wrong)]
    public void One_about_a_datagram_is_translated_as_well(Hook hook, Hosts hosts, L4Checksum checksum)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53)));
        var query = Some.Datagram(hosts) with { Checksum = checksum };
        var answer = query with { Source = flow.Backend, Destination = flow.Nat };

        var closed = new IcmpError(hosts.BackendA, IcmpSays.PortUnreachable, flow.AtBackend(query));
        lb.Receive(closed).LeavesAs(flow.AtClient(closed));
        var gone = new IcmpError(hosts.Alice, IcmpSays.PortUnreachable, flow.AtClient(answer));
        lb.Receive(gone).LeavesAs(flow.AtBackend(gone));
    }

    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public void One_about_a_datagram_without_a_checksum_quotes_none(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53)));
        var query = Some.Datagram(hosts) with { Checksum = L4Checksum.None };

        var closed = new IcmpError(hosts.BackendA, IcmpSays.PortUnreachable, flow.AtBackend(query));

        lb.Receive(closed).LeavesAs(flow.AtClient(closed));
    }

    [Theory, OnEveryHook]
    public void One_quotes_a_datagrams_computed_zero_in_its_other_form(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53)));
        var query = Some.Datagram(hosts) with { Payload = [0, 0] };
        // Adding a packet's checksum to its words makes the checksum zero.
        var checksum = new Frame(query.ToFrame()).L4ChecksumField;
        query = query with { Payload = [(byte)(checksum >> 8), (byte)checksum] };
        Assert.Equal(0xffff, new Frame(query.ToFrame()).L4ChecksumField);

        var closed = new IcmpError(hosts.BackendA, IcmpSays.PortUnreachable, flow.AtBackend(query));

        lb.Receive(closed).LeavesAs(flow.AtClient(closed));
    }

    static readonly CaseTable<Func<TestFlow, Packet>> Foreign = new()
    {
        Both =
        {
            ["nothing"] = _ => flow => Late(flow) with { QuotedLength = 0 },
            ["half an IP header"] = _ => flow => Late(flow) with { QuotedLength = 12 },
            ["an IP header alone"] = _ => flow => Late(flow) with { QuotedLength = Headers(Late(flow)) },
            ["half its ports"] = _ => flow => Late(flow) with { QuotedLength = Headers(Late(flow)) + 3 },
            ["ports that stand in the frame's trailer"] = _ => flow => Late(flow) with
            {
                QuotedLength = Headers(Late(flow)),
                Trailer = Late(flow).Payload[Headers(Late(flow))..],
            },
            ["a packet that another host than the error's own destination sent"] = hosts => flow =>
                Late(flow) with { Destination = hosts.Bob.Port(0) },
            ["a packet to another port"] = _ => flow =>
                Quoting(packet => packet with { Destination = flow.Backend.Address.Port(9) })(Late(flow)),
            ["a packet of another client port"] = _ => flow =>
                Quoting(packet => packet with { Source = flow.Nat.Address.Port(9) })(Late(flow)),
            ["another protocol"] = _ => flow => Quoting(packet => packet with { ClaimedProtocol = 132 })(Late(flow)),
            ["another version"] = _ => flow => Quoting(packet => packet with { ClaimedVersion = 5 })(Late(flow)),
            ["a later fragment"] = _ => flow =>
                Quoting(packet => packet with { Piece = new(1, 8, More: false) })(Late(flow)),
            ["an echo request"] = hosts => flow =>
                Late(flow) with { ClaimedType = (byte)(hosts == Hosts.Ip4 ? 8 : 128) },
            ["an echo reply"] = hosts => flow =>
                Late(flow) with { ClaimedType = (byte)(hosts == Hosts.Ip4 ? 0 : 129) },
            ["a redirect"] = hosts => flow =>
                Late(flow) with { ClaimedType = (byte)(hosts == Hosts.Ip4 ? 5 : 137) },
        },
        Ip6 =
        {
            ["a neighbour solicitation"] = flow => Late(flow) with { ClaimedType = 135 },
        },
    };

    public static IEnumerable<TheoryDataRow<Hook, Hosts, string>> AllForeign => Foreign.Rows;

    [Theory, MemberData(nameof(AllForeign))]
    [Case(PacketCase.Echo)]
    public void An_error_about_no_balanced_packet_passes_untouched(Hook hook, Hosts hosts, string what)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));

        lb.Receive(Foreign[hosts, what](flow)).IsPassedUntouched();

        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.PassProtocol, 1));
    }

    /// <summary>The card's own sum over the packet, which the kernel trusts later, is kept right by tc.</summary>
    [Theory, OverEachIp]
    public void An_error_that_a_card_has_summed_keeps_the_sum_right_on_tc(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));
        IcmpError[] errors = [Late(flow), Late(flow) with { QuotedLength = Headers(Late(flow)) + 8 }];

        foreach (var error in errors)
            lb.ReceiveSummedOnTc(error).LeavesAs(flow.AtClient(error));
    }

    /// <summary>About a client's packet that took too long to its backend.</summary>
    static IcmpError Late(TestFlow flow) => new(
        flow.Backend.Address,
        IcmpSays.TimeExceeded,
        flow.AtBackend(flow.FromClient(Tcp.Ack) with { Payload = Some.Bytes(40) }));

    static int Headers(IcmpError error) => error.Quoted.IpHeaderLength;

    static Func<IcmpError, IcmpError> Quoting(Func<Packet, Packet> vary) =>
        error => error with { Quoted = vary(error.Quoted) };
}
