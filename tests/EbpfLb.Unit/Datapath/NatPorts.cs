using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A client's own source port is kept where it is free, and one found otherwise; the balancer's own connections
/// are never taken for flows.
/// </summary>
public sealed class NatPorts
{
    static readonly TimeSpan Rest = TimeSpan.FromSeconds(61);

    static IPEndPoint Backend(Hosts hosts) => hosts.BackendA.Port(80);

    static readonly LbSettings FourPorts = Balancer.FewPorts(4);

    [Theory, OnEveryHook(1024), OnEveryHook(40001), OnEveryHook(60999)]
    public void A_client_port_in_snats_range_is_kept(Hook hook, Hosts hosts, int port)
    {
        using var lb = Balancer.On(hook);

        Assert.Equal(port, lb.Open(hosts.Alice.Port(port), lb.ServeTcp(hosts.Web, Backend(hosts))).Nat.Port);
    }

    [Theory, OnEveryHook(1), OnEveryHook(1023), OnEveryHook(61000), OnEveryHook(65535)]
    [Case(PacketCase.NatPortTaken)]
    public void A_client_port_outside_snats_range_is_exchanged_for_a_substitute(Hook hook, Hosts hosts, int port)
    {
        using var lb = Balancer.On(hook);

        Assert.InRange(lb.Open(hosts.Alice.Port(port), lb.ServeTcp(hosts.Web, Backend(hosts))).Nat.Port, 1024, 60999);
    }

    [Theory, OnEveryHook(32768), OnEveryHook(40001), OnEveryHook(60999)]
    [Case(PacketCase.DefaultLocalPorts)]
    public void A_port_that_local_sockets_may_get_is_kept(Hook hook, Hosts hosts, int port)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { LocalPortMin = 32768, LocalPortMax = 60999 });

        Assert.Equal(port, lb.Open(hosts.Alice.Port(port), lb.ServeTcp(hosts.Web, Backend(hosts))).Nat.Port);
    }

    [Theory, OnEveryHook(1), OnEveryHook(3), OnEveryHook(9), OnEveryHook(23)]
    [Case(PacketCase.NatPortTaken)]
    public void Each_of_a_few_ports_is_found(Hook hook, Hosts hosts, int ports)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(ports));
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));

        var flows = Enumerable.Range(40001, ports).Select(port => lb.Open(hosts.Alice.Port(port), web)).ToArray();

        Assert.Equal(Enumerable.Range(FourPorts.NatPortMin, ports), flows.Select(flow => flow.Nat.Port).Order());
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.RestingPort)]
    public void Substitute_ports_are_taken_in_turn(Hook hook, Hosts hosts)
    {
        const int ports = 8;
        using var lb = Balancer.On(hook, Balancer.FewPorts(ports));
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));

        var taken = Enumerable.Range(0, 2 * ports).Select(i =>
        {
            var flow = lb.Open((i % 2 == 0 ? hosts.Alice : hosts.Bob).Port(40001 + i), web);
            lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
            lb.Pass(Rest);
            return flow.Nat.Port;
        }).ToArray();

        Assert.Equal(ports, taken[..ports].Distinct().Count());
        Assert.Equal(taken[..ports], taken[ports..]);
    }

    /// <summary>Candidates whose distance is a multiple of the range's size would all be the same port.</summary>
    [Theory, OnEveryHook(40507), OnEveryHook(40508)]
    [Case(PacketCase.NatPortTaken)]
    public void Substitute_ports_differ_whatever_the_size_of_the_range(Hook hook, Hosts hosts, int ports)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(ports));
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));

        var flows = Enumerable.Range(60001, 4).Select(port => lb.Open(hosts.Alice.Port(port), web)).ToArray();

        Assert.Equal(4, flows.Select(flow => flow.Nat.Port).Distinct().Count());
    }

    /// <summary>32 ports are tried: the client's own, and 31 substitutes, which go on from where they ended.</summary>
    [Theory, OnEveryHook(31, 0, Only = AddressFamily.InterNetwork), OnEveryHook(32, 1, Only = AddressFamily.InterNetwork)]
    public void The_last_free_port_is_found_at_the_second_try_at_the_latest(Hook hook, Hosts hosts, int ports, int refusals)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(ports));
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        // Each has its own port.
        var taken = Enumerable.Range(FourPorts.NatPortMin, ports - 1).Select(port => lb.Establish(hosts.Alice.Port(port), web)).ToArray();
        Assert.Equal(ports - 1, taken.Select(flow => flow.Nat.Port).Distinct().Count());

        for (var client = 0; client < 100; client++)
        {
            var syn = new TcpPacket(hosts.Bob.Port(40001 + client), hosts.Web, Tcp.Syn);
            var outcomes = Enumerable.Range(0, 1 + refusals).Select(_ => lb.Receive(syn)).ToArray();
            var flow = TestFlow.From(outcomes[^1]);
            Assert.Equal(FourPorts.NatPortMin + ports - 1, flow.Nat.Port);
            lb.Tables.HalfOpen.Remove(lb.ReplyKeyOf(flow));
            lb.Tables.HalfOpen.Remove(flow.ClientKey);
        }
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.Hairpin)]
    public void A_backend_that_asks_for_itself_under_the_ports_that_it_answers_with_is_given_another(
        Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var backend = hosts.BackendA.Port(8080);
        var web = lb.ServeTcp(hosts.Balancer.Port(8080), backend);

        var flow = lb.Open(backend, web);

        Assert.NotEqual(8080, flow.Nat.Port);
        lb.ForwardsAnswer(flow);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NatPortTaken)]
    public void When_none_is_free_the_flow_is_refused_and_no_other_is_broken(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, FourPorts);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var flows = Enumerable.Range(40001, 4).Select(port => lb.Establish(hosts.Alice.Port(port), web)).ToArray();
        Assert.Equal([2000, 2001, 2002, 2003], flows.Select(flow => flow.Nat.Port).Order());

        lb.Deliver(new TcpPacket(hosts.Alice.Port(40005), hosts.Web, Tcp.Syn)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseNoPort);
        var refusal = lb.ReadEvents()[^1];
        Assert.Equal((LbReason.RefuseNoPort, Backend(hosts)), (refusal.Reason, refusal.After.Destination));
        foreach (var flow in flows)
        {
            lb.ForwardsAnswer(flow);
        }
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NatPortTaken)]
    public void Before_a_client_is_refused_it_takes_the_port_of_the_oldest_half_open_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, FourPorts);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var established = lb.Establish(hosts.Alice.Port(40001), web);
        var halfOpen = Enumerable.Range(40002, 3).Select(port =>
        {
            lb.Pass(TimeSpan.FromSeconds(1));
            return lb.Open(hosts.Alice.Port(port), web);
        }).ToArray();

        var successor = lb.Open(hosts.Bob.Port(40001), web);

        Assert.Equal(halfOpen[0].Nat, successor.Nat);
        foreach (var flow in halfOpen[1..].Append(established).Append(successor))
        {
            lb.ForwardsAnswer(flow);
        }
        lb.Deliver(halfOpen[0].FromClient(Tcp.Ack)).IsPassedUntouched();
        Assert.Equal(4, lb.LiveFlowsOf(web, Backend(hosts)));
        Assert.Equal(new Dictionary<string, ulong> { ["half-open"] = 1 }, TakenOver(lb));
        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
    }

    /// <summary>
    /// The forward entry is inserted last. Until then another processor finds the reply entry alone, which is also what an
    /// eviction leaves; then the port is free after a moment.
    /// </summary>
    [Theory, OnEveryHook(true), OnEveryHook(false)]
    [Case(PacketCase.NatPortTaken)]
    public void The_port_of_a_flow_that_is_being_opened_is_not_taken_over(Hook hook, Hosts hosts, bool isOpening)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1));
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        var reply = lb.HalfOf(flow.ReplyKey);
        lb.Tables.HalfOpen.Set(flow.ReplyKey, reply with { OpenedNs = isOpening ? ulong.MaxValue >> 2 : 1 });
        Assert.True(lb.Tables.HalfOpen.Remove(flow.ClientKey));

        var outcome = lb.Deliver(new TcpPacket(hosts.Bob.Port(40001), web.At, Tcp.Syn));

        if (isOpening)
        {
            outcome.IsPassedUntouched();
            lb.HasRefused(1, LbReason.RefuseNoPort);
            Assert.Equal((reply.Rewritten, reply.TcpSeen), (lb.HalfOf(flow.ReplyKey).Rewritten, lb.HalfOf(flow.ReplyKey).TcpSeen));
        }
        else
            Assert.Equal(flow with { Client = hosts.Bob.Port(40001) }, TestFlow.From(outcome));
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NatPortTaken)]
    public void A_silent_udp_flow_keeps_its_port_while_another_is_free(Hook hook, Hosts hosts)
    {
        const int ports = 31;
        using var lb = Balancer.On(hook, Balancer.FewPorts(ports));
        var dns = lb.ServeUdp(hosts.Web, Backend(hosts));
        var flows = Enumerable.Range(FourPorts.NatPortMin, ports - 1).Select(port => Answered(lb, lb.Open(hosts.Alice.Port(port), dns))).ToArray();
        lb.Pass(TimeSpan.FromSeconds(5));

        Assert.Equal(FourPorts.NatPortMin + ports - 1, lb.Open(hosts.Bob.Port(40001), dns).Nat.Port);

        foreach (var flow in flows)
            Answered(lb, flow);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NatPortTaken)]
    public void Without_a_free_port_the_longest_silent_udp_flow_loses_its_port(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, FourPorts);
        var dns = lb.ServeUdp(hosts.Web, Backend(hosts));
        var flows = Enumerable.Range(40001, 4).Select(port =>
        {
            lb.Pass(TimeSpan.FromSeconds(2));
            return Answered(lb, lb.Open(hosts.Alice.Port(port), dns));
        }).ToArray();
        lb.Pass(TimeSpan.FromSeconds(2));
        var data = new UdpPacket(hosts.Alice.Port(40001), hosts.Web);
        lb.Receive(data).LeavesAs(flows[0].AtBackend(data)); // its client sends: it is not silent

        var successor = Answered(lb, lb.Open(hosts.Bob.Port(40001), dns));

        Assert.Equal(flows[1].Nat, successor.Nat);
        foreach (var flow in flows.Except([flows[1]]))
            Answered(lb, flow);
        Assert.Equal(4, lb.LiveFlowsOf(dns, Backend(hosts)));
        Assert.Equal(new Dictionary<string, ulong> { ["udp"] = 1 }, TakenOver(lb));
        lb.Deliver(new UdpPacket(hosts.Bob.Port(40002), hosts.Web)).IsPassedUntouched();
        lb.HasRefused(1, LbReason.RefuseNoPort);
    }

    static IReadOnlyDictionary<string, ulong> TakenOver(Balancer lb) => StatusReader.Create("lan", lb.Tables).PortsTakenOver;

    static TestFlow Answered(Balancer lb, TestFlow flow)
    {
        var answer = new UdpPacket(flow.Backend, flow.Nat);
        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
        return flow;
    }

    /// <summary>2,000 SYNs a second with one backend, as for half a minute: more than there are ports.</summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    [Case(PacketCase.FullTable)]
    public void Forged_first_packets_leave_a_port_for_a_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(500) with { EventLevel = LbEventLevel.Off });
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var established = lb.Establish(hosts.Alice.Port(40001), web);
        foreach (var client in Some.Clients(hosts, 2000))
            lb.Receive(new TcpPacket(client.Port(40001), web.At, Tcp.Syn));

        lb.Establish(hosts.Bob.Port(40001), web);

        var answer = established.FromBackend(Tcp.Ack);
        lb.Receive(answer).LeavesAs(established.AtClient(answer));
        Assert.Equal(0ul, lb.Reasons().GetValueOrDefault(LbReason.RefuseNoPort));
    }

    [Theory, OnEveryHook(59, false), OnEveryHook(61, true)]
    [Case(PacketCase.RestingPort)]
    public void An_ended_flows_port_rests_for_a_minute_before_another_client_gets_it(
        Hook hook, Hosts hosts, int seconds, bool given)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        lb.Receive(lb.Establish(hosts.Alice.Port(40001), web).FromBackend(Tcp.Rst | Tcp.Ack));
        lb.Pass(TimeSpan.FromSeconds(seconds));

        Assert.Equal(given, lb.Open(hosts.Bob.Port(40001), web).Nat.Port == 40001);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.RestingPort)]
    public void A_port_rests_also_when_its_client_has_gone_on_to_another_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts), hosts.BackendB.Port(80));

        for (var i = 0; i < 4; i++)
        {
            var flow = lb.Open(hosts.Alice.Port(40001), web);
            Assert.Equal(40001, flow.Nat.Port);
            lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        }

        Assert.NotEqual(40001, lb.Open(hosts.Bob.Port(40001), web).Nat.Port);
        Assert.NotEqual(40001, lb.Open(hosts.Carol.Port(40001), web).Nat.Port);
    }

    [Theory, OnEveryHook]
    public void A_closed_flows_port_is_used_again_by_its_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, FourPorts);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));

        for (var i = 0; i < 20; i++)
            lb.Receive(lb.Open(hosts.Alice.Port(40001), web).FromClient(Tcp.Rst));

        lb.HasCounted((LbReason.SentToBackend, 40));
    }

    [Theory, OnEveryHook]
    public void When_none_is_free_an_ended_flows_is_taken_over(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, FourPorts);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var flows = Enumerable.Range(40001, 4).Select(port => lb.Open(hosts.Alice.Port(port), web)).ToArray();
        lb.Receive(flows[2].FromBackend(Tcp.Rst | Tcp.Ack));

        var successor = lb.Open(hosts.Bob.Port(40001), web);

        Assert.Equal(flows[2].Nat, successor.Nat);
        foreach (var flow in flows.Except([flows[2]]).Append(successor))
        {
            lb.ForwardsAnswer(flow);
            var data = flow.FromClient(Tcp.Ack);
            lb.Receive(data).LeavesAs(flow.AtBackend(data));
        }
        lb.Deliver(flows[2].FromClient(Tcp.Ack)).IsPassedUntouched();
        Assert.Equal(new Dictionary<string, ulong> { ["established"] = 1 }, TakenOver(lb));
        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
    }

    [Theory, OnEveryHook]
    public void A_free_port_is_preferred_to_an_ended_flows(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, FourPorts);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var ended = lb.Open(hosts.Alice.Port(40001), web);
        lb.Receive(ended.FromClient(Tcp.Rst));

        var others = Enumerable.Range(40002, 3).Select(port => lb.Open(hosts.Alice.Port(port), web).Nat.Port);

        Assert.DoesNotContain(ended.Nat.Port, others);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.OwnConnections)]
    public void A_port_of_the_balancers_own_connection_to_the_backend_is_not_used(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts), hosts.BackendB.Port(80));
        using var own = TestNetwork.Shared.OpenSocket(hosts.Family, ProtocolType.Tcp, socket =>
        {
            socket.Bind(hosts.Balancer.Port(45001));
            Connecting(socket, Backend(hosts));
        });

        Assert.NotEqual(45001, lb.Open(hosts.Alice.Port(45001), web).Nat.Port);
        Assert.Equal(45001, lb.Open(hosts.Bob.Port(45001), web).Nat.Port);
    }

    [Theory, OnEveryHook]
    public void A_port_that_the_balancer_only_listens_on_is_kept(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        using var own = TestNetwork.Shared.OpenSocket(hosts.Family, ProtocolType.Tcp, socket =>
        {
            socket.Bind(hosts.Balancer.Port(45002));
            socket.Listen();
        });

        Assert.Equal(45002, lb.Open(hosts.Alice.Port(45002), lb.ServeTcp(hosts.Web, Backend(hosts))).Nat.Port);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.OwnConnections)]
    public void A_port_of_the_balancers_own_udp_socket_is_not_used(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        using var own = TestNetwork.Shared.OpenSocket(
            hosts.Family, ProtocolType.Udp, socket => socket.Bind(hosts.Balancer.Port(45003)));

        Assert.NotEqual(45003, lb.Open(hosts.Alice.Port(45003), lb.ServeUdp(hosts.Web, Backend(hosts))).Nat.Port);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.OwnConnections)]
    public void An_answer_to_a_local_connection_on_the_port_of_an_ended_flow_passes_untouched(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var flow = lb.Establish(hosts.Alice.Port(45004), lb.ServeTcp(hosts.Balancer.Port(80), Backend(hosts)));
        lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        using var own = TestNetwork.Shared.OpenSocket(hosts.Family, ProtocolType.Tcp, socket =>
        {
            socket.Bind(hosts.Balancer.Port(45004));
            Connecting(socket, Backend(hosts));
        });

        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack)).IsPassedUntouched();
    }

    [Theory, OnEveryHook(false), OnEveryHook(true)]
    [Case(PacketCase.OwnConnections, PacketCase.IcmpErrors)]
    public void An_ICMP_error_goes_to_the_local_connection_that_has_the_port_of_an_ended_flow(
        Hook hook, Hosts hosts, bool connects)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var flow = lb.Establish(hosts.Alice.Port(45005), lb.ServeTcp(hosts.Balancer.Port(80), Backend(hosts)));
        lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        using var own = TestNetwork.Shared.OpenSocket(hosts.Family, ProtocolType.Tcp, socket =>
        {
            socket.Bind(hosts.Balancer.Port(connects ? 45005 : 45006));
            Connecting(socket, Backend(hosts));
        });
        var sent = new TcpPacket(flow.Nat, flow.Backend, Tcp.Ack) with { Payload = Some.Bytes(400) };
        var error = new IcmpError(hosts.Carol, IcmpSays.FragmentationNeeded, sent);

        var outcome = lb.Receive(error);

        if (connects)
            outcome.IsPassedUntouched();
        else
            outcome.LeavesAs(flow.AtClient(error));
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.IcmpErrors)]
    public void An_ICMP_error_about_an_ended_flow_passes_when_its_client_has_another_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts), hosts.BackendB.Port(80));
        var ended = lb.Establish(hosts.Alice.Port(40001), web);
        lb.Receive(ended.FromBackend(Tcp.Rst | Tcp.Ack));
        Assert.NotEqual(ended.Backend, lb.Open(hosts.Alice.Port(40001), web).Backend);

        var sent = new TcpPacket(ended.Nat, ended.Backend, Tcp.Ack) with { Payload = Some.Bytes(400) };
        lb.Receive(new IcmpError(hosts.Carol, IcmpSays.FragmentationNeeded, sent)).IsPassedUntouched();
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.OwnConnections)]
    public void An_answer_to_the_balancers_own_connection_passes_untouched(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, Backend(hosts)));

        lb.Receive(new TcpPacket(Backend(hosts), hosts.Balancer.Port(61234), Tcp.Syn | Tcp.Ack)).IsPassedUntouched();
    }

    /// <summary>Sends the SYN; nobody on the test network answers, so the connection stays half open.</summary>
    static void Connecting(Socket socket, IPEndPoint to)
    {
        var refusal = Assert.Throws<SocketException>(() => socket.Connect(to));
        Assert.Equal(SocketError.WouldBlock, refusal.SocketErrorCode);
    }
}
