using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.E2E.Specs;

/// <summary>What is sent in others' names, however much, costs no connection that is there: here more than the balancer
/// has room for.</summary>
public abstract class FloodsAreWithstood(HookLab lab, Family family) : Spec(lab, family, loads: true)
{
    const int RoomForOpeningFlows = 16384;

    [Fact]
    public async Task A_download_and_an_idle_connection_outlive_a_flood_of_spoofed_requests()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.Files));

        var requests = await OutliveAsync(balancer, attacker => attacker.FloodWithRequestsAsync(balancer, SuiteSize.Flood));

        Assert.InRange(requests, RoomForOpeningFlows + 1, long.MaxValue);
    }

    [Fact]
    public async Task Connections_outlive_a_flood_with_a_tiny_flow_table()
    {
        const int room = 1024;
        var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(Lab.Files)) { Flows = room });

        var requests = await OutliveAsync(balancer, attacker => attacker.FloodWithRequestsAsync(balancer, SuiteSize.Flood));

        Assert.InRange(requests, 16 * room, long.MaxValue);
        Assert.InRange((await balancer.StatusAsync()).Flows, 1, 2 * room);
    }

    [Fact]
    public async Task Connections_outlive_a_flood_of_spoofed_datagrams_and_udp_works_after_it()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.Files), Service.Dns(Lab.NamesA));

        var datagrams = await OutliveAsync(balancer, attacker => attacker.FloodWithDatagramsAsync(balancer, SuiteSize.Flood));

        Assert.InRange(datagrams, RoomForOpeningFlows + 1, long.MaxValue);
        Assert.Equal([Lab.NamesA.Name], await Lab.Client.AskWhoAsync(balancer, times: 1));
    }

    /// <summary>Floods during a download, and beside a connection that is silent all the while.</summary>
    async Task<long> OutliveAsync(Balancer balancer, Func<Attacker, Task<long>> floodAsync)
    {
        const int half = 10;
        var file = await Lab.Files.CreateFileAsync(2 * half);
        await using var attacker = await Lab.StartAttackerAsync();
        await using var idle = await Lab.Client.ConnectAsync(balancer, Lab.TakePorts(1));
        await idle.GetAsync("/before");

        await using var download = await Lab.OtherClient.StartDownloadAsync(balancer, file, megabytesPerSecond: half);
        var meanwhile = download.TakeAsync(half);
        var sent = await floodAsync(attacker);
        await meanwhile;
        Assert.False(await download.IsOverAsync(), "The download was over before the flood");

        Assert.Equal(file, await download.FinishAsync());
        Assert.Equal("/after", (await idle.GetAsync("/after")).Uri);
        return sent;
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : FloodsAreWithstood(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : FloodsAreWithstood(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : FloodsAreWithstood(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : FloodsAreWithstood(lab, Family.IPv6);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : FloodsAreWithstood(lab, Family.IPv4);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdpOverIPv6(NativeXdpLab lab) : FloodsAreWithstood(lab, Family.IPv6);
}
