using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>A reply comes by the interface that leads to its backend: nobody elsewhere can forge it.</summary>
[Case(PacketCase.ReversePath)]
public sealed class ReversePaths
{
    /// <summary>Of no other case that runs beside: its packets would take the other way too.</summary>
    const int RoutedPort = 8484;

    [Theory, OnEveryHook]
    public void A_reply_by_another_interface_is_dropped(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var near = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var far = lb.Open(hosts.Alice.Port(40002), lb.ServeTcp(hosts.Balancer.Port(81), hosts.Carol.Port(80)));

        lb.Receive(near.FromBackend(Tcp.Syn | Tcp.Ack), TestNetwork.Far).IsDropped();
        lb.Receive(far.FromBackend(Tcp.Rst), TestNetwork.Lan).IsDropped();

        lb.HasCounted((LbReason.SentToBackend, 2), (LbReason.DropReversePath, 2));
        Assert.Equal(LbTcpSeen.None, lb.HalfOf(lb.ReplyKeyOf(far)).TcpSeen & (LbTcpSeen.Rst | LbTcpSeen.End));
    }

    [Theory, OnEveryHook]
    public void One_by_the_right_interface_reaches_the_client(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var near = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var far = lb.Open(hosts.Alice.Port(40002), lb.ServeTcp(hosts.Balancer.Port(81), hosts.Carol.Port(80)));
        var (nearReply, farReply) = (near.FromBackend(Tcp.Syn | Tcp.Ack), far.FromBackend(Tcp.Syn | Tcp.Ack));

        lb.Receive(nearReply).LeavesAs(near.AtClient(nearReply));
        lb.Receive(farReply, TestNetwork.Far).LeavesAs(far.AtClient(farReply));
    }

    [Theory, OnEveryHook]
    public void A_fragment_of_one_by_another_interface_is_dropped(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53)));
        var pieces = (new UdpPacket(flow.Backend, flow.Nat) { Payload = Some.Bytes(99) }).Fragment(7, 64);

        Assert.NotEqual(Verdict.Drop, lb.Receive(pieces[0]).Verdict);
        lb.Receive(pieces[1], TestNetwork.Far).IsDropped();
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.IcmpErrors)]
    public void An_error_from_the_path_to_the_backend_by_another_interface_is_dropped(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var upload = flow.AtBackend(flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(400) });

        lb.Receive(new IcmpError(hosts.Router, IcmpSays.FragmentationNeeded, upload), TestNetwork.Far).IsDropped();

        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.DropReversePath, 1));
    }

    [Theory, OnEveryHook]
    public void A_client_may_come_by_any_interface(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var data = flow.FromClient(Tcp.Ack);

        lb.Receive(data, TestNetwork.Far).LeavesAs(flow.AtBackend(data));
    }

    /// <summary>The backend moved behind the router; a rule by its port tells the kernel.</summary>
    [Theory, OnEveryHook]
    public void It_follows_the_route(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendC.Port(RoutedPort)));
        var reply = flow.FromBackend(Tcp.Syn | Tcp.Ack);

        TestNetwork.Shared.WithRouteByPort(hosts, hosts.BackendC, $"ipproto tcp dport {RoutedPort}", () =>
        {
            lb.Receive(reply, TestNetwork.Far).LeavesAs(flow.AtClient(reply));
            lb.Receive(reply).IsDropped();
        });
        lb.Receive(reply).LeavesAs(flow.AtClient(reply));
        lb.Receive(reply, TestNetwork.Far).IsDropped();
    }

    [Theory, OnEveryHook]
    [Case(PacketCase.TornFlow)]
    public void An_evicted_entry_comes_back_bound_to_its_interface(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var key = lb.ReplyKeyOf(flow);
        foreach (var map in lb.Tables.FlowMaps)
            map.Remove(key);
        lb.Pass(TimeSpan.FromSeconds(5));
        lb.Receive(flow.FromClient(Tcp.Ack));
        var reply = flow.FromBackend(Tcp.Syn | Tcp.Ack);

        lb.Receive(reply, TestNetwork.Far).IsDropped();
        lb.Receive(reply).LeavesAs(flow.AtClient(reply));
    }
}
