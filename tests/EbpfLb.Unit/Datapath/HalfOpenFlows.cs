using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A flow stands apart until both its ends have shown that they are there, so that first packets can evict nothing
/// but each other.
/// </summary>
public sealed class HalfOpenFlows
{
    [Theory, OnEveryHook]
    public void A_handshake_establishes_a_connection(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        Assert.Equal((0, 2), Halves(lb));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        Assert.Equal((0, 2), Halves(lb));
        lb.Receive(flow.FromClient(Tcp.Ack));
        Assert.Equal((2, 0), Halves(lb));
    }

    [Theory, OnEveryHook]
    public void An_acknowledgement_of_unsent_data_establishes_no_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        lb.Receive(flow.FromClient(Tcp.Ack));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack) with { Acknowledgment = 1 });
        lb.Receive(flow.FromClient(Tcp.Ack) with { Acknowledgment = flow.FromClient(Tcp.Ack).Acknowledgment + 1 });

        Assert.Equal((0, 2), Halves(lb));
    }

    /// <summary>As where the table had no room for the second one, or another processor is about to move it.</summary>
    [Theory, OnEveryHook]
    public void A_connection_of_which_one_half_was_moved_is_established_whole(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        var reply = lb.ReplyKeyOf(flow);
        lb.Tables.Flows.Set(reply, lb.HalfOf(reply));
        lb.Tables.HalfOpen.Remove(reply);

        lb.Receive(flow.FromClient(Tcp.Ack));

        Assert.Equal((2, 0), Halves(lb));
    }

    /// <summary>One processor has moved the reply entry, another has claimed its port: the first one will undo it.</summary>
    [Theory, OnEveryHook]
    public void A_connection_stays_half_open_while_another_processor_moves_its_reply_entry(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        var reply = lb.HalfOf(flow.ReplyKey);
        lb.Tables.Flows.Set(flow.ReplyKey, reply);
        lb.Tables.HalfOpen.Set(flow.ReplyKey, reply with { TcpSeen = reply.TcpSeen | LbTcpSeen.Claimed });

        lb.Receive(flow.FromClient(Tcp.Ack)).LeavesAs(flow.AtBackend(flow.FromClient(Tcp.Ack)));
        Assert.Equal((1, 2), Halves(lb));

        lb.Tables.Flows.Remove(flow.ReplyKey);
        lb.Tables.HalfOpen.Set(flow.ReplyKey, reply);
        lb.Receive(flow.FromClient(Tcp.Ack));
        Assert.Equal((2, 0), Halves(lb));
    }

    [Theory, OnEveryHook]
    public void A_connection_that_is_slow_to_open_is_established_all_the_same(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        lb.Pass(TimeSpan.FromSeconds(5));
        lb.Receive(flow.FromClient(Tcp.Syn)).LeavesAs(flow.AtBackend(flow.FromClient(Tcp.Syn)));
        Assert.Equal((0, 2), Halves(lb));

        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        Assert.Equal((2, 0), Halves(lb));
    }

    [Theory, OnEveryHook]
    public void An_evicted_entry_is_made_anew_and_shows_nothing_of_the_other_end(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Tables.HalfOpen.Remove(lb.ReplyKeyOf(flow));

        lb.Pass(TimeSpan.FromSeconds(5));
        lb.Receive(flow.FromClient(Tcp.Syn));
        lb.Receive(flow.FromClient(Tcp.Ack));

        Assert.Equal((0, 2), Halves(lb));
        lb.ForwardsAnswer(flow);
    }

    [Theory, OnEveryHook]
    public void A_datagram_opens_a_flow_in_the_table_of_UDP(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        var flow = lb.Open(hosts.Alice.Port(40001), dns);

        lb.Receive(new UdpPacket(flow.Backend, flow.Nat));
        lb.Open(hosts.Alice.Port(40001), dns);

        Assert.Equal((0, 0), Halves(lb));
        Assert.Equal(2, lb.Tables.UdpFlows.Keys().Count);
    }

    /// <summary>Any server that answers proves a forged client alive.</summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    [Case(PacketCase.ForgedSegments, PacketCase.FullTable)]
    public void Answered_datagrams_from_forged_sources_evict_no_connection(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Off });
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendB.Port(53));
        var connection = Establish(lb, hosts.Bob.Port(30000), web);
        var halfOpen = lb.Open(hosts.Bob.Port(30001), web);

        foreach (var client in Some.Clients(hosts, (int)lb.Tables.UdpFlows.MaxEntries))
        {
            var forged = lb.Open(client.Port(40001), dns);
            lb.Receive(new UdpPacket(forged.Backend, forged.Nat));
            lb.Receive(new UdpPacket(forged.Client, forged.Service));
        }

        Assert.Equal((2, 2), Halves(lb));
        foreach (var flow in new[] { connection, halfOpen })
            lb.Receive(flow.FromBackend(Tcp.Ack)).LeavesAs(flow.AtClient(flow.FromBackend(Tcp.Ack)));
    }

    /// <summary>Opens as many flows as the table of opening ones holds halves, of which each flow has two.</summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetworkV6)]
    [Case(PacketCase.FullTable)]
    public void A_flood_of_first_packets_evicts_no_established_flow_and_blocks_no_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Off });
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendB.Port(53));
        var established = Enumerable.Range(30000, 100)
            .Select(port => Establish(lb, hosts.Bob.Port(port), web))
            .ToArray();

        foreach (var client in Some.Clients(hosts, (int)lb.Tables.HalfOpen.MaxEntries / 2))
        {
            lb.Receive(new TcpPacket(client.Port(40001), web.At, Tcp.Syn));
            lb.Receive(new UdpPacket(client.Port(40001), dns.At));
        }

        foreach (var flow in established)
        {
            var answer = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
            lb.Receive(answer).LeavesAs(flow.AtClient(answer));
            var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(10) };
            lb.Receive(data).LeavesAs(flow.AtBackend(data));
        }
        Assert.Equal(hosts.BackendA.Port(80), lb.Open(hosts.Alice.Port(40002), web).Backend);
    }

    static TestFlow Establish(Balancer lb, IPEndPoint client, TestService service)
    {
        var flow = lb.Open(client, service);
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        return flow;
    }

    static (int Established, int Opening) Halves(Balancer lb) =>
        (lb.Tables.Flows.Keys().Count, lb.Tables.HalfOpen.Keys().Count);
}
