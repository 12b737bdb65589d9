using System.Net;
using EbpfLb.Flows;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A connection's entries leave the flow tables ten seconds after its end, so that they evict no idle connection. Its
/// port goes on resting for as long as a backend may be in TIME_WAIT.
/// </summary>
[Case(PacketCase.RestingPort)]
public sealed class PortsRestAfterTheirConnections
{
    const int Port = 40001;

    static IPEndPoint Backend(Hosts hosts) => hosts.BackendA.Port(80);

    [Theory, OnEveryHook(45, false), OnEveryHook(61, true)]
    public void Another_client_gets_the_port_after_a_minute(Hook hook, Hosts hosts, int seconds, bool given)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        EndAndCollect(lb, lb.Establish(hosts.Alice.Port(Port), web));
        lb.Pass(TimeSpan.FromSeconds(seconds));

        Assert.Equal(given, lb.Open(hosts.Bob.Port(Port), web).Nat.Port == Port);
    }

    /// <summary>The end may be seen in the client's segment or in the backend's.</summary>
    [Theory, OnEveryHook]
    public void A_port_rests_after_the_FINs_of_both_ends(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var flow = lb.Establish(hosts.Alice.Port(Port), web);
        lb.Receive(flow.FromBackend(Tcp.Fin | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Fin | Tcp.Ack));
        Collect(lb);

        Assert.NotEqual(Port, lb.Open(hosts.Bob.Port(Port), web).Nat.Port);
    }

    [Theory, OnEveryHook]
    public void The_same_client_gets_the_port_at_once(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        EndAndCollect(lb, lb.Establish(hosts.Alice.Port(Port), web));

        Assert.Equal(Port, lb.Open(hosts.Alice.Port(Port), web).Nat.Port);
    }

    [Theory, OnEveryHook]
    public void The_port_is_free_towards_another_backend(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        EndAndCollect(lb, lb.Establish(hosts.Alice.Port(Port), lb.ServeTcp(hosts.Web, Backend(hosts))));
        var other = lb.ServeTcp(hosts.Balancer.Port(81), hosts.BackendB.Port(80));

        Assert.Equal(Port, lb.Open(hosts.Bob.Port(Port), other).Nat.Port);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NatPortTaken)]
    public void Before_a_client_is_refused_it_gets_the_port_that_rests_for_longest(Hook hook, Hosts hosts)
    {
        const int ports = 3;
        using var lb = Balancer.On(hook, Balancer.FewPorts(ports));
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var flows = Enumerable.Range(Port, ports).Select(port => lb.Establish(hosts.Alice.Port(port), web)).ToArray();
        foreach (var flow in flows)
        {
            lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
            lb.Pass(TimeSpan.FromSeconds(11));
        }
        Collect(lb);

        var successor = lb.Open(hosts.Bob.Port(Port), web);

        Assert.Equal(flows[0].Nat, successor.Nat);
        lb.ForwardsAnswer(successor);
        Assert.Equal(new Dictionary<string, ulong> { ["established"] = 1 }, StatusReader.Create("lan", lb.Tables).PortsTakenOver);
    }

    /// <summary>The reply entry of a half-open connection that was refused is in another table than those that are looked into first.</summary>
    [Theory, OnEveryHook]
    public void A_resting_port_whose_client_was_refused_since_is_taken_over(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1));
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        EndAndCollect(lb, lb.Establish(hosts.Alice.Port(Port), web));
        lb.Receive(lb.Open(hosts.Alice.Port(Port), web).FromBackend(Tcp.Rst | Tcp.Ack));

        lb.Establish(hosts.Bob.Port(2000), web);
    }

    /// <summary>Strangers' SYNs and the resets that answer them would shorten the rest of others.</summary>
    [Theory, OnEveryHook]
    public void The_port_of_a_connection_that_its_client_never_acknowledged_needs_no_rest(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));

        lb.Receive(lb.Open(hosts.Alice.Port(Port), web).FromBackend(Tcp.Rst | Tcp.Ack));

        Assert.Equal(0, RestingPorts.Count(lb.Tables));
    }

    [Theory, OnEveryHook]
    public void A_full_table_gives_up_the_longest_rest_and_counts_it(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var web = lb.ServeTcp(hosts.Web, Backend(hosts));
        var room = RestingPorts.Fill(lb.Tables);
        var before = RestingPorts.CountLongestResting(lb.Tables);
        EndAndCollect(lb, lb.Establish(hosts.Alice.Port(Port), web));
        EndAndCollect(lb, lb.Establish(hosts.Alice.Port(Port), web));

        Assert.Equal(1ul, StatusReader.Create("lan", lb.Tables).RestsCutShort);
        Assert.Equal((room, before - 1), (RestingPorts.Count(lb.Tables), RestingPorts.CountLongestResting(lb.Tables)));
        Assert.NotEqual(Port, lb.Open(hosts.Bob.Port(Port), web).Nat.Port);
    }

    [Theory, OnEveryHook]
    public void A_rest_that_is_over_gives_way_to_another_uncounted(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        RestingPorts.Fill(lb.Tables);
        lb.Pass(TimeSpan.FromSeconds(61));

        EndAndCollect(lb, lb.Establish(hosts.Alice.Port(Port), lb.ServeTcp(hosts.Web, Backend(hosts))));

        Assert.Equal(0ul, StatusReader.Create("lan", lb.Tables).RestsCutShort);
    }

    static void EndAndCollect(Balancer lb, TestFlow flow)
    {
        lb.Receive(flow.FromBackend(Tcp.Rst | Tcp.Ack));
        Collect(lb);
        Assert.Empty(lb.Tables.FlowMaps.SelectMany(map => map.Keys()));
    }

    static void Collect(Balancer lb) =>
        new FlowGarbageCollector(lb.Tables, new(), new Later(TimeSpan.FromSeconds(11)), Hosts.Own).Collect((_, _, _, _) => { });

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() + (long)by.TotalNanoseconds;
    }
}
