using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// The next hop is the kernel's. It is asked anew for each flow, and a neighbour that it has yet to resolve loses no
/// connection.
/// </summary>
public sealed class NextHops
{
    [Theory, OverEachIp]
    [Case(PacketCase.UnresolvedNeighbour)]
    public void Tc_redirects_by_neighbour_once_each_way_and_at_each_syn(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var opened = lb.Receive(Some.Syn(hosts));
        var flow = TestFlow.From(opened);
        TcpPacket[] later = [flow.FromClient(Tcp.Ack), Some.Syn(hosts), flow.FromClient(Tcp.Ack)];
        TcpPacket[] answers = [flow.FromBackend(Tcp.Ack), flow.FromBackend(Tcp.Ack)];

        Assert.True(opened.KernelResolves);
        Assert.Equal([false, true, false], later.Select(packet => lb.Receive(packet).KernelResolves));
        Assert.Equal([true, false], answers.Select(packet => lb.Receive(packet).KernelResolves));
    }

    [Theory, OverEachIp]
    [Case(PacketCase.UnresolvedNeighbour)]
    public void Tc_hands_a_packet_to_an_unresolved_neighbour_to_the_kernel(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Tc);
        lb.ServeTcp(hosts.Web, hosts.Unresolved.Port(80));

        var outcome = lb.Receive(Some.Syn(hosts));

        var flow = TestFlow.From(outcome);
        outcome.LeavesAs(flow.AtBackend(Some.Syn(hosts)));
        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(5) };
        var later = lb.Receive(data);
        later.LeavesAs(flow.AtBackend(data));
        Assert.True(outcome.KernelResolves && later.KernelResolves);
    }

    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void Tc_forwards_a_large_segment_that_is_cut_on_transmission(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Tc);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.Carol.Port(80)));
        var large = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(3000) };

        lb.ReceiveLargeOnTc(large, segmentSize: 1400).LeavesAs(flow.AtBackend(large));
    }

    [Theory, OverEachIp]
    public void Xdp_writes_the_next_hop_of_every_packet_itself(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Xdp);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));

        Assert.False(lb.Receive(Some.Syn(hosts)).KernelResolves);
        Assert.False(lb.Receive(Some.Syn(hosts)).KernelResolves);
    }

    [Theory, OverEachIp]
    public void Xdp_passes_the_packet_to_tc(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Xdp);
        var web = lb.ServeTcp(hosts.Web, hosts.Unresolved.Port(80));

        lb.Receive(Some.Syn(hosts)).IsPassedUntouched();
        var outcome = lb.ReceiveOnTc(Some.Syn(hosts));

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(Some.Syn(hosts)));
        lb.HasCounted((LbReason.PassToTc, 1), (LbReason.SentToBackend, 1));
        Assert.Equal(1ul, lb.TrafficOf(web).Flows);
        Assert.Equal(1ul, lb.TrafficOf(web).ToBackendPackets);
    }

    [Theory, OverEachIp]
    public void Both_programs_behind_the_xdp_hook_share_their_flows(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Xdp);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        var data = flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(5) };

        lb.ReceiveOnTc(data).LeavesAs(flow.AtBackend(data));
    }
}
