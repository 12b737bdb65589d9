using System.Diagnostics;
using System.Net;
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

        var requests = await OutliveAsync(balancer, (attacker, _) => attacker.FloodWithRequestsAsync(balancer, SuiteSize.Flood));

        Assert.InRange(requests, RoomForOpeningFlows + 1, long.MaxValue);
    }

    [Fact]
    public async Task Connections_outlive_a_flood_with_a_tiny_flow_table()
    {
        const int room = 1024;
        var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(Lab.Files)) { Flows = room });

        var requests = await OutliveAsync(balancer, (attacker, _) => attacker.FloodWithRequestsAsync(balancer, SuiteSize.Flood));

        Assert.InRange(requests, 16 * room, long.MaxValue);
        Assert.InRange((await balancer.StatusAsync()).Flows, 1, 2 * room);
    }

    [Fact]
    public async Task Connections_outlive_a_flood_of_spoofed_datagrams_and_udp_works_after_it()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.Files), Service.Dns(Lab.NamesA));

        var datagrams = await OutliveAsync(balancer, (attacker, _) => attacker.FloodWithDatagramsAsync(balancer, SuiteSize.Flood));

        Assert.InRange(datagrams, RoomForOpeningFlows + 1, long.MaxValue);
        Assert.Equal([Lab.NamesA.Name], await Lab.Client.AskWhoAsync(balancer, times: 1));
    }

    /// <summary>Floods during a download, and beside a connection that is silent all the while.</summary>
    /// <param name="balancer">At whom.</param>
    /// <param name="floodAsync">Gets the silent connection's end at its client too.</param>
    protected async Task<long> OutliveAsync(Balancer balancer, Func<Attacker, IPEndPoint, Task<long>> floodAsync)
    {
        var half = SuiteSize.DownloadOverFlood / 2;
        var end = new IPEndPoint(Lab.Client.Address, Lab.TakePorts(1));
        var file = await Lab.Files.CreateFileAsync(2 * half);
        await using var attacker = await Lab.StartAttackerAsync();
        await using var idle = await Lab.Client.ConnectAsync(balancer, end.Port);
        await idle.GetAsync("/before");

        await using var download = await Lab.OtherClient.StartDownloadAsync(balancer, file, megabytesPerSecond: half / SuiteSize.FloodSeconds);
        var meanwhile = download.TakeAsync(half);
        var sent = await floodAsync(attacker, end);
        await meanwhile;
        Assert.False(await download.IsOverAsync(), "The download was over before the flood");

        Assert.Equal(file, await download.FinishAsync());
        Assert.Equal("/after", (await idle.GetAsync("/after")).Uri);
        return sent;
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : FloodsAreWithstood(lab, Family.IPv4)
    {
        const long Megabyte = 1_000_000;

        /// <summary>
        /// On one hook: what each kind of packet does to a flow is the packet cases' on every hook. Here all of them share
        /// the tables, the log and the process, which know no hook.
        /// </summary>
        [Fact]
        public async Task Connections_outlive_a_flood_of_all_kinds_of_packets_at_once()
        {
            var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(Lab.Files), Service.Dns(Lab.NamesA)));
            await using var load = await Lab.Client.StartLoadAsync(balancer);
            var (memory, printed) = (await balancer.ResidentMemoryAsync(), await balancer.LogSizeAsync());
            var clock = Stopwatch.StartNew();

            var packets = await OutliveAsync(
                balancer, (attacker, idle) => attacker.FloodWithEverythingAsync(balancer, idle, SuiteSize.FloodOfEachKind));

            var (lasting, log) = (clock.Elapsed, await balancer.LogSizeAsync() - printed);
            var tally = await load.StopAsync();
            var grown = await balancer.ResidentMemoryAsync() - memory;
            TestContext.Current.TestOutputHelper?.WriteLine($"{packets} packets in {lasting}; {log} bytes of log; {grown} bytes of memory; {tally}");
            tally.LostNothing();
            Assert.InRange(log / lasting.TotalMinutes, 1, Megabyte);
            Assert.InRange(grown, long.MinValue, 20 * Megabyte);
        }
    }

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
