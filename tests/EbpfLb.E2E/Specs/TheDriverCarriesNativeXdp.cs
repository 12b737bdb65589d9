using EbpfLb.Lab;
using EbpfLb.Lab.Telemetry;

namespace EbpfLb.E2E.Specs;

/// <summary>Native XDP is what it says: the driver sends the packets, and what it could not carry right, tc carries.</summary>
public abstract class TheDriverCarriesNativeXdp(HookLab lab, Family family) : Spec(lab, family)
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Every_balanced_packet_is_sent_by_the_driver_and_none_is_lost()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await Lab.Client.GetAsync(balancer, times: 2); // now the link addresses of all are known
        var (_, driver, before) = await Eventually.That("the first connections have ended", LookAsync,
            seen => seen.IsQuiet && seen.Balancer.Flows == 0, Soon);

        await Lab.Client.GetAsync(balancer, times: 20);

        var (_, driverNow, now) = await Eventually.That("the driver has sent what was balanced", LookAsync,
            seen => seen.IsQuiet && seen.Balancer.Flows == 0 && seen.Driver.Sent - driver.Sent + seen.Balancer.PassedToTc - before.PassedToTc
                == seen.Balancer.Sent - before.Sent, Soon);
        Assert.InRange(now.Sent - before.Sent, 200, long.MaxValue); // a request takes at least ten packets, each way counted
        Assert.Equal(driver.Lost, driverNow.Lost);
        // A finished checksum looks unfinished by chance, once in 65536.
        Assert.InRange(now.PassedToTc - before.PassedToTc, 0, 2);

        // The last segments of a connection may pass between two looks. Then the counters are of different moments.
        async Task<(bool IsQuiet, DriverCounters Driver, BalancerStatus Balancer)> LookAsync()
        {
            var former = await balancer.StatusAsync();
            var driver = await Lab.Host.DriverCountersAsync();
            var balancerNow = await balancer.StatusAsync();
            return ((former.Sent, former.PassedToTc) == (balancerNow.Sent, balancerNow.PassedToTc), driver, balancerNow);
        }
    }

    [Fact]
    public async Task Endpoints_with_checksum_offload_are_served_by_tc()
    {
        var (client, server) = (await Lab.StartClientAsync(), await Lab.StartFileServerAsync());
        var file = await server.CreateFileAsync(megabytes: 20);
        var balancer = await Lab.BalanceAsync(Service.Web(server));

        var arrived = await client.DownloadAsync(balancer, file);

        Assert.Equal(file, arrived);
        Assert.InRange((await balancer.StatusAsync()).PassedToTc, 100, long.MaxValue);
    }

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : TheDriverCarriesNativeXdp(lab, Family.IPv4);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdpOverIPv6(NativeXdpLab lab) : TheDriverCarriesNativeXdp(lab, Family.IPv6);
}
