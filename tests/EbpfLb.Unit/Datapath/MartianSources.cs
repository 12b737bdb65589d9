using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A source address that no client can have opens no flow. The packet passes to the stack, which drops it and counts
/// it as its settings say (RFC 1812, 5.3.7; RFC 4291, 2.5.2, 2.5.3 and 2.7).
/// </summary>
[Case(PacketCase.NotOurs)]
public sealed class MartianSources
{
    [Theory]
    [OnEveryHook("0.0.0.0", Only = AddressFamily.InterNetwork), OnEveryHook("0.1.2.3", Only = AddressFamily.InterNetwork)]
    [OnEveryHook("127.0.0.1", Only = AddressFamily.InterNetwork), OnEveryHook("127.255.0.9", Only = AddressFamily.InterNetwork)]
    [OnEveryHook("224.0.0.1", Only = AddressFamily.InterNetwork), OnEveryHook("239.255.255.250", Only = AddressFamily.InterNetwork)]
    [OnEveryHook("255.255.255.255", Only = AddressFamily.InterNetwork)]
    [OnEveryHook("::", Only = AddressFamily.InterNetworkV6), OnEveryHook("::1", Only = AddressFamily.InterNetworkV6)]
    [OnEveryHook("ff02::1", Only = AddressFamily.InterNetworkV6), OnEveryHook("ff0e::1", Only = AddressFamily.InterNetworkV6)]
    public void It_opens_no_flow_and_passes(Hook hook, Hosts hosts, string source) =>
        Passes(hook, hosts, IPAddress.Parse(source));

    [Theory, OnEveryHook]
    public void The_services_own_address_opens_no_flow_and_passes(Hook hook, Hosts hosts) =>
        Passes(hook, hosts, hosts.Web.Address);

    [Theory]
    [OnEveryHook("1.0.0.1", Only = AddressFamily.InterNetwork), OnEveryHook("126.255.255.255", Only = AddressFamily.InterNetwork)]
    [OnEveryHook("128.0.0.1", Only = AddressFamily.InterNetwork), OnEveryHook("223.255.255.255", Only = AddressFamily.InterNetwork)]
    [OnEveryHook("240.0.0.1", Only = AddressFamily.InterNetwork), OnEveryHook("255.255.255.254", Only = AddressFamily.InterNetwork)]
    [OnEveryHook("::2", Only = AddressFamily.InterNetworkV6), OnEveryHook("fe80::1", Only = AddressFamily.InterNetworkV6)]
    public void Its_neighbours_are_clients(Hook hook, Hosts hosts, string source)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));

        lb.Receive(Some.Syn(hosts) with { Source = IPAddress.Parse(source).Port(40001) });

        lb.HasCounted((LbReason.SentToBackend, 1));
    }

    static void Passes(Hook hook, Hosts hosts, IPAddress source)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        lb.ReturnDirectly(lb.ServeTcp(hosts.Balancer.Port(81), hosts.BackendA.Port(81)));

        lb.Receive(Some.Syn(hosts) with { Source = source.Port(40001) }).IsPassedUntouched();
        lb.Receive(Some.Syn(hosts) with { Source = source.Port(40001), Ttl = 1 }).IsPassedUntouched();
        lb.Receive(Some.Datagram(hosts) with { Source = source.Port(40001) }).IsPassedUntouched();
        lb.Receive(Some.Syn(hosts) with { Source = source.Port(40001), Destination = hosts.Balancer.Port(81) }).IsPassedUntouched();

        lb.HasNoFlow();
        lb.HasCounted((LbReason.PassMartian, 4));
        Assert.Empty(lb.ReadEvents());
    }
}
