using EbpfLb.Lab;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>UDP is balanced as TCP is: here a real DNS service.</summary>
public abstract class UdpIsBalanced(HookLab lab, Family family) : Spec(lab, family)
{
    static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Name_servers_answer_queries_in_turn()
    {
        var balancer = await Lab.BalanceAsync(Service.Dns(Lab.NamesA, Lab.NamesB));

        var names = await Lab.Client.AskWhoAsync(balancer, times: 10);

        Assert.Equal(10, names.Count);
        Turns.AssertExact(names, Lab.NamesA, Lab.NamesB);
    }

    [Fact]
    public async Task The_same_port_may_be_another_service_over_tcp()
    {
        var balancer = await Lab.BalanceAsync(Service.Dns(Lab.NamesA), Service.DnsOverTcp(Lab.NamesB));

        var names = await Lab.Client.AskWhoAsync(balancer, times: 2);
        var namesOverTcp = await Lab.Client.AskWhoOverTcpAsync(balancer, times: 2);

        Assert.Equal([Lab.NamesA.Name, Lab.NamesA.Name], names);
        Assert.Equal([Lab.NamesB.Name, Lab.NamesB.Name], namesOverTcp);
    }

    [Fact]
    public async Task A_backend_that_does_not_listen_is_reported_at_once()
    {
        var balancer = await Lab.BalanceAsync(Service.Echo(Lab.A));

        var probe = await Lab.Client.ProbeUdpAsync(balancer, Service.EchoPort);

        Assert.Equal(ProbeResult.Refused, probe.Result);
        Assert.InRange(probe.After, TimeSpan.Zero, AtOnce);
        Assert.Equal(1, (await balancer.StatusAsync()).SentIcmpErrors);
    }

    [Fact]
    public async Task Datagrams_that_travel_in_fragments_arrive_whole_both_ways()
    {
        var balancer = await Lab.BalanceAsync(Service.Echo(Lab.SocketsA, Lab.SocketsB));

        var whole = await Lab.Client.EchoAsync(balancer, times: 10, bytes: 8000);

        Assert.Equal(10, whole);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : UdpIsBalanced(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : UdpIsBalanced(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : UdpIsBalanced(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : UdpIsBalanced(lab, Family.IPv6);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : UdpIsBalanced(lab, Family.IPv4);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdpOverIPv6(NativeXdpLab lab) : UdpIsBalanced(lab, Family.IPv6);
}
