using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A packet that a service cannot carry goes to the local stack untouched, which refuses it at once. It is counted
/// and reported once, though on XDP two programs see it.
/// </summary>
public sealed class Refusals
{
    [Theory, OnEveryHook]
    [Case(PacketCase.NoBackend)]
    public void A_service_that_never_had_backends_refuses(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web);

        lb.Deliver(Some.Syn(hosts)).IsPassedUntouched();

        IsRefused(lb, Some.Syn(hosts), web, LbReason.RefuseNoBackend);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NoBackend)]
    public void A_service_whose_backends_all_have_weight_zero_refuses(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var backend = hosts.BackendA.Port(80);
        var web = lb.ServeTcp(hosts.Web, backend);
        lb.TakeTurns(web, (backend, 0));

        lb.Deliver(Some.Syn(hosts)).IsPassedUntouched();

        IsRefused(lb, Some.Syn(hosts), web, LbReason.RefuseNoBackend);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NoBackend)]
    public void A_slot_with_a_removed_backend_refuses(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.Tables.Backends.Set(web.Backends.Values.Single(), default);

        lb.Deliver(Some.Syn(hosts)).IsPassedUntouched();

        IsRefused(lb, Some.Syn(hosts), web, LbReason.RefuseNoBackend);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.NoBackend)]
    public void A_datagram_to_a_service_without_backends_is_refused(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Balancer.Port(53));
        var datagram = new UdpPacket(hosts.Alice.Port(40001), dns.At) { Payload = Some.Bytes(20) };

        lb.Deliver(datagram).IsPassedUntouched();

        IsRefused(lb, datagram, dns, LbReason.RefuseNoBackend);
    }

    [Theory, OnEveryHook]
    public void A_backend_without_a_route_refuses(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.Unreachable.Port(80));

        lb.Deliver(Some.Syn(hosts)).IsPassedUntouched();

        IsRefused(lb, Some.Syn(hosts), web, LbReason.RefuseNoRoute, hosts.Unreachable.Port(80));
    }

    [Theory]
    [OnEveryHook(Tcp.Ack), OnEveryHook(Tcp.Psh | Tcp.Ack), OnEveryHook(Tcp.Fin), OnEveryHook(Tcp.Fin | Tcp.Ack)]
    [OnEveryHook(Tcp.Rst), OnEveryHook(Tcp.Rst | Tcp.Ack), OnEveryHook(Tcp.Syn | Tcp.Ack), OnEveryHook(Tcp.None)]
    [OnEveryHook(Tcp.Syn | Tcp.Fin), OnEveryHook(Tcp.Syn | Tcp.Rst)]
    [Case(PacketCase.FlagsByKnowledge)]
    public void A_packet_of_an_unknown_connection_opens_nothing(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var packet = Some.Syn(hosts) with { Flags = flags, Payload = Some.Bytes(9) };

        lb.Deliver(packet).IsPassedUntouched();

        IsRefused(lb, packet, web, LbReason.RefuseUnknownFlow);
    }

    [Theory]
    [OnEveryHook(Tcp.Syn), OnEveryHook(Tcp.Syn | Tcp.Ack), OnEveryHook(Tcp.Ack), OnEveryHook(Tcp.Fin | Tcp.Ack)]
    [OnEveryHook(Tcp.Rst), OnEveryHook(Tcp.Rst | Tcp.Ack), OnEveryHook(Tcp.None), OnEveryHook(Tcp.Syn | Tcp.Fin)]
    [Case(PacketCase.FlagsByKnowledge)]
    public void A_packet_of_a_known_connection_is_forwarded_with_any_flags(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var outward = flow.FromClient(flags);
        var inward = flow.FromBackend(flags);

        lb.Receive(outward).LeavesAs(flow.AtBackend(outward));
        lb.Receive(inward).LeavesAs(flow.AtClient(inward));

        lb.HasCounted((LbReason.SentToBackend, 2), (LbReason.SentToClient, 1));
    }

    [Theory]
    [OnEveryHook(Tcp.Syn | Tcp.Ece | Tcp.Cwr), OnEveryHook(Tcp.Syn | Tcp.Psh), OnEveryHook(Tcp.Syn | Tcp.Urg)]
    [Case(PacketCase.FlagsByKnowledge)]
    public void A_syn_with_other_flags_opens_a_flow(Hook hook, Hosts hosts, Tcp flags)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var syn = Some.Syn(hosts) with { Flags = flags };

        var outcome = lb.Receive(syn);

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(syn));
    }

    /// <param name="backend">The backend that the event names, or null.</param>
    static void IsRefused(Balancer lb, Packet packet, TestService service, LbReason reason, IPEndPoint? backend = null)
    {
        lb.HasRefused(1, reason);
        var refusal = Assert.Single(lb.ReadEvents());
        Assert.Equal(LbEventType.Refused, refusal.Type);
        Assert.Equal(reason, refusal.Reason);
        Assert.Equal(service.Id, refusal.Service);
        Assert.Equal(backend is null ? Limits.NoId : service.Backends[backend], refusal.Backend);
        Assert.Equal(backend ?? packet.Destination, refusal.After.Destination);
        Assert.Equal(packet.Source, refusal.Before.Source);
        Assert.Equal(packet.Destination, refusal.Before.Destination);
        lb.HasNoFlow();
    }
}
