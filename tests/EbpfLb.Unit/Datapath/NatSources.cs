using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// The source address of packets to backends can be the balancer's own, so that replies return to this balancer when
/// several of them serve one address.
/// </summary>
[Case(PacketCase.TwoNetworks)]
public sealed class NatSources
{
    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void The_source_interface_is_the_address_of_the_interface_that_leads_to_the_backend(Hook hook, Hosts hosts, bool routesTell)
    {
        using var lb = Balancer.On(hook, routesTell ? null : Balancer.RoutesAreSilent);
        var service = lb.ServeTcp(hosts.Alias.Port(80), hosts.BackendA.Port(8080), hosts.Carol.Port(8080));
        lb.SendFrom(service, LbNatSource.Interface);
        var syn = Some.Syn(hosts) with { Destination = service.At };

        lb.Receive(syn).LeavesAs(syn with
        {
            Source = hosts.Balancer.Port(40001),
            Destination = hosts.BackendA.Port(8080),
            Ttl = (byte)(syn.Ttl - 1),
        });

        Assert.Equal(hosts.FarBalancer.Port(40002), lb.Open(hosts.Alice.Port(40002), service).Nat);
    }

    [Theory, OnEveryHook]
    public void The_source_interface_without_an_address_of_the_family_refuses_the_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.RoutesAreSilent);
        lb.TakeAddress(TestNetwork.Lan, hosts);
        lb.SendFrom(lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)), LbNatSource.Interface);

        lb.RefusesClient(hosts, LbReason.RefuseNoSource);
    }

    [Theory, OnEveryHook]
    public void A_given_address_is_the_source_by_every_interface(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var service = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080), hosts.Carol.Port(8080));
        lb.SendFrom(service, LbNatSource.Address, hosts.Alias);
        var syn = Some.Syn(hosts);

        lb.Receive(syn).LeavesAs(syn with
        {
            Source = hosts.Alias.Port(40001),
            Destination = hosts.BackendA.Port(8080),
            Ttl = (byte)(syn.Ttl - 1),
        });

        Assert.Equal(hosts.Alias.Port(40002), lb.Open(hosts.Alice.Port(40002), service).Nat);
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void Replies_reach_the_client_from_the_service(Hook hook, Hosts hosts, bool isInterface)
    {
        var source = isInterface ? LbNatSource.Interface : LbNatSource.Address;
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Alias.Port(80), hosts.BackendA.Port(8080));
        var dns = lb.ServeUdp(hosts.Alias.Port(53), hosts.BackendA.Port(53));
        lb.SendFrom(web, source, hosts.FarBalancer);
        lb.SendFrom(dns, source, hosts.FarBalancer);
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        var answer = flow.FromBackend(Tcp.Syn | Tcp.Ack);
        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(77) };

        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
        lb.Receive(data).LeavesAs(flow.AtBackend(data));

        var own = isInterface ? hosts.Balancer : hosts.FarBalancer;
        var reply = new UdpPacket(hosts.BackendA.Port(53), own.Port(40002)) { Payload = Some.Bytes(40) };
        Assert.Equal(own.Port(40002), lb.Open(hosts.Alice.Port(40002), dns).Nat);
        lb.Receive(reply).LeavesAs(reply with
        {
            Source = hosts.Alias.Port(53),
            Destination = hosts.Alice.Port(40002),
            Ttl = (byte)(reply.Ttl - 1),
        });
    }

    [Theory, OnEveryHook]
    public void A_given_address_on_an_interface_that_is_not_attached_refuses_the_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        lb.Tables.Links.Remove(TestNetwork.Far.Index);
        lb.SendFrom(lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080)), LbNatSource.Address, hosts.Alias);

        lb.RefusesClient(hosts, LbReason.RefuseNoSource);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.OwnConnections)]
    public void The_ports_of_sockets_count_by_the_given_address(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        lb.SendFrom(dns, LbNatSource.Address, hosts.Alias);
        using var there = TestNetwork.Shared.OpenSocket(
            hosts.Family, ProtocolType.Udp, socket => socket.Bind(hosts.Alias.Port(45023)));
        using var here = TestNetwork.Shared.OpenSocket(
            hosts.Family, ProtocolType.Udp, socket => socket.Bind(hosts.Balancer.Port(45024)));

        Assert.NotEqual(45023, lb.Open(hosts.Alice.Port(45023), dns).Nat.Port);
        Assert.Equal(45024, lb.Open(hosts.Alice.Port(45024), dns).Nat.Port);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.SameSourcePort)]
    public void Services_that_send_from_one_address_share_its_ports(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var one = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var other = lb.ServeTcp(hosts.FarBalancer.Port(80), hosts.BackendA.Port(80));
        lb.SendFrom(one, LbNatSource.Address, hosts.Alias);
        lb.SendFrom(other, LbNatSource.Address, hosts.Alias);

        TestFlow[] flows = [lb.Open(hosts.Alice.Port(40001), one), lb.Open(hosts.Alice.Port(40001), other)];

        Assert.All(flows, flow => Assert.Equal(hosts.Alias, flow.Nat.Address));
        Assert.NotEqual(flows[0].Nat.Port, flows[1].Nat.Port);
        foreach (var flow in flows)
            lb.ForwardsAnswer(flow);
    }

    [Theory, OnEveryHook]
    public void A_flow_keeps_its_source_when_the_service_gets_another(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080));
        var flow = lb.Open(hosts.Alice.Port(40001), web);

        lb.SendFrom(web, LbNatSource.Address, hosts.Alias);

        var (data, answer) = (flow.FromClient(Tcp.Ack), flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
        lb.Receive(data).LeavesAs(flow.AtBackend(data));
        Assert.Equal(hosts.Alias.Port(40002), lb.Open(hosts.Alice.Port(40002), web).Nat);
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.Hairpin)]
    public void A_backend_that_is_its_own_client_gets_its_replies(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.SendFrom(web, LbNatSource.Address, hosts.Alias);
        var flow = lb.Open(hosts.BackendA.Port(80), web);
        var answer = flow.FromBackend(Tcp.Syn | Tcp.Ack);

        Assert.Equal(hosts.Alias, flow.Nat.Address);
        lb.Receive(answer).LeavesAs(flow.AtClient(answer));
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.IcmpErrors)]
    public void Errors_about_packets_from_a_given_address_reach_the_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.Carol.Port(8080));
        lb.SendFrom(web, LbNatSource.Address, hosts.Alias);
        var flow = lb.Open(hosts.Alice.Port(40001), web);
        var upload = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(400) };

        var error = new IcmpError(hosts.Router, IcmpSays.FragmentationNeeded, flow.AtBackend(upload));

        lb.Receive(error, TestNetwork.Far).LeavesAs(flow.AtClient(error));
    }
}
