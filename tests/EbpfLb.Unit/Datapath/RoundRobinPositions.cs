using System.Net;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>New flows go to the backends exactly in turn, as often as their weights say.</summary>
[Case(PacketCase.RoundRobin)]
public sealed class RoundRobinPositions
{
    [Theory, OnEveryHook]
    public void A_thousand_flows_alternate_between_two_backends(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);

        var chosen = OpenFlows(lb, web, hosts, 1000);

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => i % 2 == 0 ? a : b), chosen);
        Assert.Equal(500ul, lb.TrafficOf(web, a).Flows);
        Assert.Equal(500ul, lb.TrafficOf(web, b).Flows);
    }

    [Theory, OnEveryHook]
    public void Three_backends_rotate(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b, c) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80), hosts.BackendC.Port(80));

        var chosen = OpenFlows(lb, lb.ServeTcp(hosts.Web, a, b, c), hosts, 9);

        Assert.Equal([a, b, c, a, b, c, a, b, c], chosen);
    }

    [Theory, OnEveryHook]
    public void Weights_give_exact_shares_spread_over_the_round(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b, c) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80), hosts.BackendC.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b, c);
        lb.TakeTurns(web, (a, 5), (b, 1), (c, 1));

        var chosen = OpenFlows(lb, web, hosts, 70);

        Assert.Equal(50, chosen.Count(a.Equals));
        Assert.Equal(10, chosen.Count(b.Equals));
        Assert.Equal(10, chosen.Count(c.Equals));
        Assert.Equal([a, a, b, a, c, a, a], chosen.Take(7));
    }

    [Theory, OnEveryHook]
    public void Weight_zero_takes_no_new_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.TakeTurns(web, (a, 0), (b, 1));

        Assert.All(OpenFlows(lb, web, hosts, 10), backend => Assert.Equal(b, backend));
    }

    [Theory, OnEveryHook]
    public void Packets_of_known_flows_do_not_move_the_position(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        var first = lb.Open(hosts.Alice.Port(40001), web);

        lb.Receive(first.FromClient(Tcp.Ack));
        lb.Receive(first.FromBackend(Tcp.Ack));

        Assert.Equal(b, lb.Open(hosts.Alice.Port(40002), web).Backend);
    }

    [Theory, OnEveryHook]
    public void Each_service_has_its_own_position(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        var dns = lb.ServeUdp(hosts.Web, a, b);

        var chosen = Enumerable.Range(40001, 4)
            .Select(port => hosts.Alice.Port(port))
            .Select(client => (lb.Open(client, web).Backend, lb.Open(client, dns).Backend));

        Assert.Equal([(a, a), (b, b), (a, a), (b, b)], chosen);
    }

    [Theory, OnEveryHook]
    public void A_backend_without_a_route_uses_up_only_its_own_slots(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (lost, a, b) = (hosts.Unreachable.Port(80), hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, lost, a, b);

        var verdicts = Enumerable.Range(0, 6).Select(i =>
            lb.Deliver(new TcpPacket(hosts.Alice.Port(20000 + i), hosts.Web, Tcp.Syn)).Verdict == Verdict.Pass);

        Assert.Equal([true, false, false, true, false, false], verdicts);
        Assert.Equal(2ul, lb.TrafficOf(web, a).Flows);
        Assert.Equal(2ul, lb.TrafficOf(web, b).Flows);
    }

    [Theory, OnEveryHook]
    public void A_backend_without_a_free_port_uses_up_only_its_own_slots(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1));
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.Establish(hosts.Alice.Port(40001), web);
        var ended = lb.Establish(hosts.Alice.Port(40002), web);

        lb.Deliver(new TcpPacket(hosts.Alice.Port(40003), hosts.Web, Tcp.Syn)).IsPassedUntouched();
        lb.Receive(ended.FromBackend(Tcp.Rst | Tcp.Ack));

        Assert.Equal(b, lb.Open(hosts.Alice.Port(40004), web).Backend);
    }

    static IPEndPoint[] OpenFlows(Balancer lb, TestService service, Hosts hosts, int count) =>
        [.. Enumerable.Range(0, count).Select(i => lb.Open(hosts.Alice.Port(20000 + i), service).Backend)];
}
