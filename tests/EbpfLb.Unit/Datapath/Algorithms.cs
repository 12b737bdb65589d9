using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// New flows go to the backends that the service's algorithm says. Where chance has a part, a backend's share of n
/// flows may differ from its expected one by six standard deviations: one correct run in 500 million differs by more.
/// </summary>
public sealed class Algorithms
{
    const int Flows = 2000;

    [Theory, OnEveryHook]
    public void Random_gives_shares_by_weight(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.Choose(web, LbAlgorithm.Random, (a, 3), (b, 1));

        var chosen = Choices(lb, web, Ports(hosts.Alice, Flows));

        IsFairShare(chosen.Count(a.Equals), 0.75);
    }

    [Theory, OnEveryHook]
    public void Random_uses_no_round_robin_position(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        lb.Choose(web, LbAlgorithm.Random);

        var chosen = Choices(lb, web, Ports(hosts.Alice, Flows));

        IsFairShare(chosen.Zip(chosen.Skip(1)).Count(pair => pair.First.Equals(pair.Second)), 0.5);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.SourceHash)]
    public void Source_hash_keeps_a_client_on_its_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80), hosts.BackendC.Port(80));
        lb.Choose(web, LbAlgorithm.SourceHash);

        foreach (var client in Some.Clients(hosts, 20))
            Assert.Single(Choices(lb, web, Ports(client, 20)).Distinct());
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.SourceHash)]
    public void Source_hash_spreads_clients_by_weight(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.Choose(web, LbAlgorithm.SourceHash, (a, 3), (b, 1));

        var chosen = Choices(lb, web, Some.Clients(hosts, Flows).Select(client => client.Port(40001)));

        IsFairShare(chosen.Count(a.Equals), 0.75);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.Maglev)]
    public void Maglev_spreads_flows_by_weight(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.Choose(web, LbAlgorithm.Maglev, (a, 3), (b, 1));

        var chosen = Choices(lb, web, Ports(hosts.Alice, Flows));

        IsFairShare(chosen.Count(a.Equals), 0.75);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.Maglev)]
    public void Maglev_chooses_the_same_backend_on_every_balancer(Hook hook, Hosts hosts)
    {
        IPEndPoint[] backends = [hosts.BackendA.Port(80), hosts.BackendB.Port(80), hosts.BackendC.Port(80)];
        using var one = Balancer.On(hook);
        using var other = Balancer.On(hook);
        other.ServeTcp(hosts.Balancer.Port(443), backends[0]); // takes the first ids
        var webOfOne = one.ServeTcp(hosts.Web, backends);
        var webOfOther = other.ServeTcp(hosts.Web, [.. backends.Reverse()]);
        one.Choose(webOfOne, LbAlgorithm.Maglev);
        other.Choose(webOfOther, LbAlgorithm.Maglev);

        var clients = Ports(hosts.Alice, 200).ToArray();

        Assert.Equal(Choices(one, webOfOne, clients), Choices(other, webOfOther, clients));
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.Maglev)]
    public void Maglev_moves_few_flows_of_the_others_when_a_backend_leaves(Hook hook, Hosts hosts)
    {
        IPEndPoint[] backends = [.. Enumerable.Range(8000, 10).Select(port => hosts.BackendA.Port(port))];
        var clients = Ports(hosts.Alice, 1000).ToArray();
        using var before = Balancer.On(hook);
        using var after = Balancer.On(hook);
        var webBefore = before.ServeTcp(hosts.Web, backends);
        var webAfter = after.ServeTcp(hosts.Web, backends[1..]);
        before.Choose(webBefore, LbAlgorithm.Maglev);
        after.Choose(webAfter, LbAlgorithm.Maglev);

        var moved = Choices(before, webBefore, clients).Zip(Choices(after, webAfter, clients))
            .Count(choice => !choice.First.Equals(backends[0]) && !choice.First.Equals(choice.Second));

        Assert.InRange(moved, 0, clients.Length / 10);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.LeastConnections)]
    public void Least_connections_keeps_two_backends_level(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.Choose(web, LbAlgorithm.LeastConnections);

        foreach (var client in Ports(hosts.Alice, 100))
        {
            lb.Open(client, web);
            Assert.InRange(lb.LiveFlowsOf(web, a) - lb.LiveFlowsOf(web, b), -1, 1);
        }
        Assert.Equal((50, 50), (lb.LiveFlowsOf(web, a), lb.LiveFlowsOf(web, b)));
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    [Case(PacketCase.LeastConnections)]
    public void Least_connections_prefers_backends_whose_connections_ended(Hook hook, Hosts hosts, bool reset)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.Choose(web, LbAlgorithm.LeastConnections);
        var flows = Ports(hosts.Alice, 20).Select(client => lb.Open(client, web)).ToArray();

        foreach (var flow in flows.Where(flow => flow.Backend.Equals(a)).Take(5))
        {
            if (reset)
                lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
            else
                lb.Close(flow);
        }

        Assert.Equal((5, 10), (lb.LiveFlowsOf(web, a), lb.LiveFlowsOf(web, b)));
        Assert.All(Choices(lb, web, Ports(hosts.Bob, 5)), backend => Assert.Equal(a, backend));
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.LeastConnections)]
    public void Least_connections_follows_the_weights(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var (a, b) = (hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var web = lb.ServeTcp(hosts.Web, a, b);
        lb.Choose(web, LbAlgorithm.LeastConnections, (a, 3), (b, 1));

        var chosen = Choices(lb, web, Ports(hosts.Alice, 400));

        // It strays from 300 only as far as both random choices fall on the same backend again and again.
        Assert.InRange(chosen.Count(a.Equals), 280, 320);
    }

    static void IsFairShare(int count, double share)
    {
        var deviation = 6 * Math.Sqrt(Flows * share * (1 - share));
        Assert.InRange(count, (Flows * share) - deviation, (Flows * share) + deviation);
    }

    static IPEndPoint[] Choices(Balancer lb, TestService service, IEnumerable<IPEndPoint> clients) =>
        [.. clients.Select(client => lb.Open(client, service).Backend)];

    static IEnumerable<IPEndPoint> Ports(IPAddress client, int count) =>
        Enumerable.Range(20000, count).Select(client.Port);
}
