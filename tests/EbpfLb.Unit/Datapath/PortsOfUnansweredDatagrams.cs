using System.Net;
using EbpfLb.Abi;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// UDP has no numbers by which a late answer could be told from one that another client waits for. So the port of a
/// datagram rests until no answer is expected, and a client without a port is refused meanwhile.
/// </summary>
[Case(PacketCase.NatPortTaken)]
public sealed class PortsOfUnansweredDatagrams
{
    const int Ports = 4;

    static IPEndPoint Backend(Hosts hosts) => hosts.BackendA.Port(53);

    [Theory, OnEveryHook]
    public void A_late_answer_reaches_the_client_that_asked_during_a_flood_of_datagrams(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(Ports));
        var dns = lb.ServeUdp(hosts.Web, Backend(hosts));
        var flow = lb.Open(hosts.Bob.Port(40001), dns);
        foreach (var client in Some.Clients(hosts, 40))
            lb.Deliver(new UdpPacket(client.Port(40001), dns.At));
        lb.Pass(TimeSpan.FromSeconds(10));
        foreach (var client in Some.Clients(hosts, 40))
            lb.Deliver(new UdpPacket(client.Port(40002), dns.At));

        Answer(lb, flow);

        Assert.Equal(Ports, lb.LiveFlowsOf(dns, Backend(hosts)));
        Assert.Equal((ulong)Ports, lb.TrafficOf(dns).Flows);
        Assert.NotEqual(0ul, lb.Reasons()[LbReason.RefuseNoPort]);
    }

    [Theory, OnEveryHook(15, false), OnEveryHook(31, true)]
    public void A_port_goes_to_another_client_half_a_minute_after_a_datagram_without_an_answer(
        Hook hook, Hosts hosts, int seconds, bool given)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(Ports));
        var dns = lb.ServeUdp(hosts.Web, Backend(hosts));
        var first = lb.Open(hosts.Alice.Port(40001), dns);
        lb.Pass(TimeSpan.FromSeconds(seconds));
        foreach (var port in Enumerable.Range(40002, Ports - 1))
            lb.Open(hosts.Alice.Port(port), dns);

        var outcome = lb.Deliver(new UdpPacket(hosts.Bob.Port(40001), dns.At));

        if (given)
        {
            Assert.Equal(first.Nat, TestFlow.From(outcome).Nat);
            Assert.Equal(1ul, Assert.Single(StatusReader.Create("lan", lb.Tables).PortsTakenOver, table => table.Key == "udp").Value);
        }
        else
        {
            outcome.IsPassedUntouched();
            lb.HasRefused(1, LbReason.RefuseNoPort);
            Assert.Empty(StatusReader.Create("lan", lb.Tables).PortsTakenOver);
        }
        Assert.Equal(Ports, lb.LiveFlowsOf(dns, Backend(hosts)));
    }

    [Theory, OnEveryHook]
    public void A_question_after_an_answer_keeps_its_port_as_long_as_a_first_one(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1));
        var dns = lb.ServeUdp(hosts.Web, Backend(hosts));
        var flow = lb.Open(hosts.Alice.Port(40001), dns);
        Answer(lb, flow);
        lb.Pass(TimeSpan.FromSeconds(5));
        var question = new UdpPacket(flow.Client, dns.At);
        lb.Receive(question).LeavesAs(flow.AtBackend(question));
        lb.Pass(TimeSpan.FromSeconds(10));

        lb.Deliver(new UdpPacket(hosts.Bob.Port(40001), dns.At)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseNoPort);
        Answer(lb, flow);
    }

    /// <summary>An evicted forward entry says no longer when its client asked: the reply entry does.</summary>
    [Theory, OnEveryHook]
    public void A_port_rests_also_when_the_forward_entry_was_evicted(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1));
        var dns = lb.ServeUdp(hosts.Web, Backend(hosts));
        var flow = lb.Open(hosts.Alice.Port(40001), dns);
        lb.Tables.UdpFlows.Remove(flow.ClientKey with { Protocol = UdpPacket.ProtocolNumber });
        lb.Pass(TimeSpan.FromSeconds(10));

        lb.Deliver(new UdpPacket(hosts.Bob.Port(40001), dns.At)).IsPassedUntouched();

        lb.HasRefused(1, LbReason.RefuseNoPort);
        Answer(lb, flow);
    }

    /// <summary>The client's entry was evicted, and it has another flow by now: that one's datagrams are not for this port.</summary>
    [Theory, OnEveryHook]
    public void A_client_that_has_gone_to_another_backend_keeps_no_port_of_the_former_one(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1));
        var (a, b) = (hosts.BackendA.Port(53), hosts.BackendB.Port(53));
        var dns = lb.ServeUdp(hosts.Web, a, b);
        var former = lb.Open(hosts.Alice.Port(40001), dns);
        lb.Tables.UdpFlows.Remove(former.ClientKey with { Protocol = UdpPacket.ProtocolNumber });
        lb.Pass(TimeSpan.FromSeconds(31));
        Assert.Equal(b, lb.Open(hosts.Alice.Port(40001), dns).Backend);

        Assert.Equal(former with { Client = hosts.Bob.Port(40001) }, lb.Open(hosts.Bob.Port(40001), dns));
    }

    static void Answer(Balancer lb, TestFlow flow)
    {
        var answer = new UdpPacket(flow.Backend, flow.Nat);
        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
    }
}
