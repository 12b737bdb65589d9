using System.Diagnostics;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// The way that a flow's packets took is good for those that follow within a second, and fit; then the kernel is asked
/// anew.
/// </summary>
public sealed class CachedNextHops
{
    const long Step = 1 << 30; // LB_WAY_STEP, in nanoseconds of CLOCK_MONOTONIC, which the stopwatch tells on Linux

    static readonly TimeSpan AWhile = TimeSpan.FromSeconds(2);

    [Theory, OnEveryHook]
    public void A_packet_uses_the_next_hop_of_the_one_before(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Busy(lb, hosts);

        Lead(lb, flow, to: hosts.Bob);

        Assert.Equal(Mac.From(hosts.Bob), Mac.Read(lb.Receive(Data(flow)).Left));
    }

    [Theory, OnEveryHook]
    public void The_fib_is_looked_up_again_after_a_second(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Busy(lb, hosts);
        Lead(lb, flow, to: hosts.Bob);

        lb.Pass(AWhile);

        lb.Receive(Data(flow)).LeavesAs(flow.AtBackend(Data(flow)));
    }

    [Theory, OnEveryHook]
    public void A_packet_above_the_cached_mtu_looks_the_fib_up(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Busy(lb, hosts);
        Lead(lb, flow, to: hosts.Bob, mtu: (ushort)(Data(flow).IpLength - 1));

        lb.Receive(Data(flow)).LeavesAs(flow.AtBackend(Data(flow)));
    }

    [Theory, OnEveryHook]
    public void A_cached_next_hop_has_the_mtu_of_its_route(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = Busy(lb, hosts);

        Assert.Equal(TestNetwork.Lan.Mtu, lb.HalfOf(flow.ClientKey).PathMtu);
    }

    /// <summary>A flow of which so many packets went to the backend that the way there is known.</summary>
    static TestFlow Busy(Balancer lb, Hosts hosts)
    {
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        lb.Receive(Data(flow));
        return flow;
    }

    /// <summary>Has the flow remember another way than the kernel has, early in one of the steps that ways are good for.</summary>
    static void Lead(Balancer lb, TestFlow flow, IPAddress to, ushort? mtu = null)
    {
        var half = lb.HalfOf(flow.ClientKey);
        Assert.NotEqual(0, half.PathMtu);
        Mac.From(to).Write(half.Nexthop.Destination[..]);
        // Not so early that the datapath's coarse clock is still in the one before.
        SpinWait.SpinUntil(() => Stopwatch.GetTimestamp() % Step is > Step / 8 and < Step / 2);
        half.Seen = LbFlow.SeenAt((ulong)Stopwatch.GetTimestamp());
        half.PathMtu = mtu ?? half.PathMtu;
        lb.Tables.Flows.Set(flow.ClientKey, half);
    }

    static TcpPacket Data(TestFlow flow) => flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(100) };
}
