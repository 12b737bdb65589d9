using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A flow outlives its route: nobody is reset, as the local stack would do. Who sends meanwhile is told what a router
/// would say, which ends no connection, and once the route is back the flow goes on.
/// </summary>
public sealed class LostRoutes
{
    static readonly TimeSpan UntilTheKernelIsAsked = TimeSpan.FromSeconds(2);

    [Theory, OnEveryHook(Tcp.Ack), OnEveryHook(Tcp.Syn), OnEveryHook(Tcp.Fin | Tcp.Ack)]
    public void A_client_gets_unreachable_while_the_route_to_its_backend_is_gone(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Frank.Port(80)));
        var packet = flow.FromClient(flags);
        lb.Pass(UntilTheKernelIsAsked);

        TestNetwork.Shared.WithoutRouteToFrank(
            hosts, () => lb.Deliver(packet).IsAnsweredBy(OwnError.NoRoute(packet)));

        lb.Deliver(packet).LeavesAs(flow.AtBackend(packet));
        Assert.Equal(1ul, lb.Reasons()[LbReason.SentUnreachable]);
        Assert.DoesNotContain(LbReason.RefuseNoRoute, lb.Reasons().Keys);
    }

    [Theory, OnEveryHook]
    public void A_backend_gets_unreachable_while_the_route_to_its_client_is_gone(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Frank.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var packet = flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(700) };

        TestNetwork.Shared.WithoutRouteToFrank(
            hosts, () => lb.Deliver(packet).IsAnsweredBy(OwnError.NoRoute(packet)));

        lb.Deliver(packet).LeavesAs(flow.AtClient(packet));
    }

    [Theory, OnEveryHook]
    public void A_datagram_of_a_known_flow_gets_unreachable_too(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeUdp(hosts.Web, hosts.Frank.Port(53));
        lb.Receive(Some.Datagram(hosts));
        lb.Pass(UntilTheKernelIsAsked);

        TestNetwork.Shared.WithoutRouteToFrank(
            hosts, () => lb.Deliver(Some.Datagram(hosts)).IsAnsweredBy(OwnError.NoRoute(Some.Datagram(hosts))));
    }

    [Theory, OnEveryHook]
    public void An_icmp_error_without_a_route_is_dropped(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Frank.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var quoted = flow.AtBackend(flow.FromClient(Tcp.Ack));

        TestNetwork.Shared.WithoutRouteToFrank(
            hosts, () => lb.Deliver(new IcmpError(hosts.BackendA, IcmpSays.HostUnreachable, quoted)).IsDropped());

        Assert.Equal(1ul, lb.Reasons()[LbReason.DropNoRoute]);
    }

    [Theory, OnEveryHook]
    public void A_new_flow_without_a_route_is_refused_and_not_opened(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.Frank.Port(80));

        TestNetwork.Shared.WithoutRouteToFrank(hosts, () => lb.Deliver(Some.Syn(hosts)).IsPassedUntouched());

        lb.HasRefused(1, LbReason.RefuseNoRoute);
        lb.HasNoFlow();
    }
}
