using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Reconcile;

/// <summary>What becomes of established flows when their backend goes down is what their service says.</summary>
[Case(PacketCase.BackendDown)]
public sealed class FlowsOfDownBackendsAreKeptOrReset
{
    readonly List<FlowEnd> _ended = [];

    [Theory, OnEveryHook]
    public void Kept_by_default(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var flow = Connect(lb, hosts, DownPolicy.Keep);

        Pass(lb, hosts, DownPolicy.Keep, Down(hosts));

        Assert.NotEqual(Verdict.Pass, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
        Assert.Empty(_ended);
    }

    [Theory, OnEveryHook]
    public void Reset_the_client_is_refused_and_can_connect_again(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var flow = Connect(lb, hosts, DownPolicy.Reset);

        Pass(lb, hosts, DownPolicy.Reset, Down(hosts));

        Assert.Equal([FlowEnd.BackendDown], _ended);
        lb.Deliver(flow.FromClient(Tcp.Ack)).IsPassedUntouched();
        lb.HasRefused(1, LbReason.RefuseUnknownFlow);
        Pass(lb, hosts, DownPolicy.Reset, Up(hosts));
        Assert.NotEqual(Verdict.Pass, lb.Receive(new TcpPacket(flow.Client, hosts.Web, Tcp.Syn)).Verdict);
    }

    /// <summary>A reload changes the policy of a backend that is down already.</summary>
    [Fact]
    public void Reset_as_soon_as_it_is_configured()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        Connect(lb, Hosts.Ip4, DownPolicy.Keep);
        Pass(lb, Hosts.Ip4, DownPolicy.Keep, Down(Hosts.Ip4));

        Pass(lb, Hosts.Ip4, DownPolicy.Reset, Down(Hosts.Ip4));

        Assert.Equal([FlowEnd.BackendDown], _ended);
    }

    [Fact]
    public void Kept_if_all_are_down_and_tried()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        Connect(lb, Hosts.Ip4, DownPolicy.Reset);

        Pass(lb, Hosts.Ip4, DownPolicy.Reset, Down(Hosts.Ip4) with { IsExcluded = false });

        Assert.Empty(_ended);
    }

    [Fact]
    public void A_backend_that_comes_back_keeps_its_new_flows()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        Connect(lb, Hosts.Ip4, DownPolicy.Reset);
        Pass(lb, Hosts.Ip4, DownPolicy.Reset, Down(Hosts.Ip4));
        Pass(lb, Hosts.Ip4, DownPolicy.Reset, Up(Hosts.Ip4));
        Open(lb, Hosts.Ip4, 20001);

        Pass(lb, Hosts.Ip4, DownPolicy.Reset, Up(Hosts.Ip4));

        Assert.Single(_ended);
    }

    static BackendSnapshot Up(Hosts hosts) => new(hosts.BackendA, 80, 1, "a") { Health = BackendHealth.Up };

    static BackendSnapshot Down(Hosts hosts) => Up(hosts) with { Health = BackendHealth.Down, IsExcluded = true };

    static TestFlow Connect(Balancer lb, Hosts hosts, DownPolicy policy)
    {
        Apply(lb, hosts, policy, Up(hosts));
        return Open(lb, hosts, 20000);
    }

    static TestFlow Open(Balancer lb, Hosts hosts, ushort port)
    {
        var flow = TestFlow.From(lb.Receive(new TcpPacket(hosts.Alice.Port(port), hosts.Web, Tcp.Syn)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        return flow;
    }

    /// <summary>A reconcile pass and a collection after it.</summary>
    void Pass(Balancer lb, Hosts hosts, DownPolicy policy, BackendSnapshot backend)
    {
        Apply(lb, hosts, policy, backend);
        new FlowGarbageCollector(lb.Tables, new(), TimeProvider.System, Hosts.Own).Collect((_, _, _, why) => _ended.Add(why));
    }

    static void Apply(Balancer lb, Hosts hosts, DownPolicy policy, BackendSnapshot backend) => new Reconciler(lb.Tables).Apply(
        [new(new() { Name = "web", Listen = new(hosts.Web.Address, 80, TransportProtocol.Tcp), OnDown = policy }, [backend])],
        [hosts.Balancer]);
}
