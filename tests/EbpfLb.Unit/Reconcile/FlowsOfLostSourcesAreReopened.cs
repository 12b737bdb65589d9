using System.Net;
using EbpfLb.Abi;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Reconcile;

/// <summary>No answer comes to an address that the host has lost. A client that goes on sending must not stay with it.</summary>
[Case(PacketCase.TwoNetworks)]
public sealed class FlowsOfLostSourcesAreReopened
{
    readonly List<FlowEnd> _ended = [];

    [Theory, OnEveryHook]
    public void A_busy_UDP_flow_is_opened_again_with_an_address_of_now(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.Carol.Port(53));
        var query = new UdpPacket(hosts.Alice.Port(40001), dns.At);
        lb.Receive(query);

        Lose(lb, hosts.FarBalancer);

        Assert.Equal([FlowEnd.SourceLost], _ended);
        lb.HasNoFlow();
        lb.SendFrom(dns, LbNatSource.Address, hosts.Alias);
        Assert.Equal(hosts.Alias, TestFlow.From(lb.Receive(query)).Nat.Address);
    }

    [Theory, OnEveryHook]
    public void It_goes_on_while_the_host_has_the_address(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.Receive(new UdpPacket(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.Carol.Port(53)).At));

        Lose(lb, hosts.Balancer, hosts.Alias);

        Assert.Empty(_ended);
    }

    [Theory, OnEveryHook]
    public void It_goes_on_if_the_host_has_got_the_address_back(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.Carol.Port(53));
        var own = Hosts.Own();
        var collector = Collector(lb, () => own);
        Collect(collector);
        own = new HashSet<IPAddress>();
        Collect(collector);

        own = Hosts.Own();
        lb.Receive(new UdpPacket(hosts.Alice.Port(40001), dns.At));
        Collect(collector);

        Assert.Empty(_ended);
    }

    /// <summary>It is routed to the host, and its service is gone: its flows drain.</summary>
    [Theory, OnEveryHook]
    public void An_address_that_the_host_never_had_is_not_lost(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.Receive(new UdpPacket(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.Carol.Port(53)).At));
        IReadOnlySet<IPAddress> others = new HashSet<IPAddress> { hosts.Balancer };

        Collect(Collector(lb, () => others));

        Assert.Empty(_ended);
    }

    /// <summary>Packets for either may be routed to the host.</summary>
    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void The_services_and_configured_sources_need_not_be_the_hosts(Hook hook, Hosts hosts, bool isConfigured)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        if (isConfigured)
            lb.SendFrom(dns, LbNatSource.Address, hosts.Alias);
        lb.Receive(new UdpPacket(hosts.Alice.Port(40001), dns.At));

        Lose(lb, hosts.Balancer, hosts.FarBalancer, hosts.Alias);

        Assert.Empty(_ended);
    }

    /// <summary>It cannot change its address, and the host may have that again.</summary>
    [Theory, OnEveryHook]
    public void A_TCP_connection_stays(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));

        Lose(lb, hosts.FarBalancer);

        Assert.Empty(_ended);
    }

    /// <summary>A collection while the host has all its addresses, and one after it has lost some.</summary>
    void Lose(Balancer lb, params IPAddress[] lost)
    {
        var own = Hosts.Own();
        var collector = Collector(lb, () => own);
        Collect(collector);
        Assert.Empty(_ended);
        own = own.Except(lost).ToHashSet();
        Collect(collector);
    }

    static FlowGarbageCollector Collector(Balancer lb, Func<IReadOnlySet<IPAddress>> own) => new(lb.Tables, new(), TimeProvider.System, own);

    void Collect(FlowGarbageCollector collector) => collector.Collect((_, _, _, why) => _ended.Add(why), TestContext.Current.CancellationToken);
}
