using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Datapath;

/// <summary>Clients may use the same source port at the same time, and replies never cross.</summary>
[Case(PacketCase.SameSourcePort)]
public sealed class ManyClients
{
    [Theory, OnEveryHook]
    public void Two_clients_with_one_source_port_both_get_their_own_answers(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));

        var alice = lb.Open(hosts.Alice.Port(40001), web);
        var bob = lb.Open(hosts.Bob.Port(40001), web);

        Assert.Equal(40001, alice.Nat.Port);
        Assert.NotEqual(alice.Nat.Port, bob.Nat.Port);
        foreach (var flow in new[] { alice, bob })
        {
            lb.ForwardsAnswer(flow);
        }
    }

    [Theory, OnEveryHook]
    public void The_same_source_port_is_kept_for_each_of_two_backends(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));

        var alice = lb.Open(hosts.Alice.Port(40001), web);
        var bob = lb.Open(hosts.Bob.Port(40001), web);

        Assert.NotEqual(alice.Backend, bob.Backend);
        Assert.Equal(40001, alice.Nat.Port);
        Assert.Equal(40001, bob.Nat.Port);
    }

    [Theory, OnEveryHook]
    public void Each_of_a_thousand_flows_gets_its_own_answer(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));

        var flows = Enumerable.Range(20000, 500)
            .SelectMany(port => new[] { hosts.Alice.Port(port), hosts.Bob.Port(port) })
            .Select(client => lb.Open(client, web))
            .ToArray();

        Assert.Equal(flows.Length, flows.Select(flow => (flow.Nat, flow.Backend)).Distinct().Count());
        foreach (var flow in flows)
        {
            lb.ForwardsAnswer(flow);
        }
    }
}
