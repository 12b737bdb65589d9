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

        Collect(lb, hosts.Balancer, hosts.Alias);

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

        Collect(lb, hosts.FarBalancer);

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

        Collect(lb);

        Assert.Empty(_ended);
    }

    /// <summary>It cannot change its address, and the host may have that again.</summary>
    [Theory, OnEveryHook]
    public void A_TCP_connection_stays(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));

        Collect(lb, hosts.Balancer);

        Assert.Empty(_ended);
    }

    void Collect(Balancer lb, params IPAddress[] own) =>
        new FlowGarbageCollector(lb.Tables, new(), TimeProvider.System, () => own.ToHashSet())
            .Collect((_, _, _, why) => _ended.Add(why), TestContext.Current.CancellationToken);
}
