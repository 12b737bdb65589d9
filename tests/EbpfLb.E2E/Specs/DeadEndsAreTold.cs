using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>Where a packet can go no further than the balancer its sender is told, as a router would tell him.</summary>
public abstract class DeadEndsAreTold(HookLab lab, Family family) : Spec(lab, family)
{
    const int Narrow = 1300;

    // Linux may heed the first word on an IPv6 connection no sooner than when it is repeated.
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_client_whose_ttl_ends_at_the_balancer_is_told_within_seconds()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A));

        var probe = await Lab.Client.ProbeFromAfarAsync(balancer, port: 80, hops: 1);

        Assert.Equal(ProbeResult.Unreachable, probe.Result);
        Assert.InRange(probe.After, TimeSpan.Zero, Soon);
        Assert.InRange((await balancer.StatusAsync()).SentTimeExceeded, 1, long.MaxValue);
    }

    [Fact]
    public async Task A_client_whose_ttl_reaches_the_backend_is_served()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.SocketsA));

        var probe = await Lab.Client.ProbeFromAfarAsync(balancer, port: 80, hops: 2);

        Assert.Equal(ProbeResult.Open, probe.Result);
        Assert.Equal(0, (await balancer.StatusAsync()).SentTimeExceeded);
    }

    [Fact]
    public async Task A_large_upload_passes_a_narrow_route_from_the_balancer_to_the_backend()
    {
        var client = await Lab.StartClientAsync();
        await using var way = await Lab.NarrowHostRouteAsync(to: Lab.SocketsA, Narrow);
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.SocketsA));

        var upload = await client.UploadAsync(balancer, megabytes: 10);

        Assert.Equal(upload.Sent, upload.Arrived);
        Assert.InRange((await balancer.StatusAsync()).SentTooBig, 1, long.MaxValue);
    }

    [Fact]
    public async Task A_large_download_passes_a_narrow_route_from_the_balancer_to_the_client()
    {
        var (client, server) = (await Lab.StartClientAsync(), await Lab.StartFileServerAsync());
        var file = await server.CreateFileAsync(megabytes: 10);
        await using var way = await Lab.NarrowHostRouteAsync(to: client, Narrow);
        var balancer = await Lab.BalanceAsync(Service.Web(server));

        var arrived = await client.DownloadAsync(balancer, file);

        Assert.Equal(file, arrived);
        Assert.InRange((await balancer.StatusAsync()).SentTooBig, 1, long.MaxValue);
    }

    [Fact]
    public async Task A_connection_survives_a_route_that_is_lost_and_comes_back()
    {
        // More than its portions and what a client's socket buffer takes beyond them (32 MB from Linux 6.16 on).
        var file = await Lab.Files.CreateFileAsync(megabytes: 80);
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.Files));
        await using var download = await Lab.Client.StartDownloadAsync(balancer, file, megabytesPerSecond: 20);
        await download.TakeAsync(megabytes: 1);

        await GoesOnAfterItLosesItsWay(to: Lab.Files);
        await GoesOnAfterItLosesItsWay(to: Lab.Client);
        var arrived = await download.FinishAsync();

        Assert.Equal(file, arrived);
        Assert.Equal(0, (await balancer.StatusAsync()).RefusedNoRoute);

        async Task GoesOnAfterItLosesItsWay(Role to)
        {
            var told = (await balancer.StatusAsync()).SentUnreachable;
            Task more;
            await using (await Lab.LoseHostRouteAsync(to))
            {
                more = download.TakeAsync(megabytes: 20);
                await Eventually.That("who sends on it is told so",
                    balancer.StatusAsync, status => status.SentUnreachable > told, Soon);
            }
            await more;
        }
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : DeadEndsAreTold(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : DeadEndsAreTold(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : DeadEndsAreTold(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : DeadEndsAreTold(lab, Family.IPv6);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : DeadEndsAreTold(lab, Family.IPv4);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdpOverIPv6(NativeXdpLab lab) : DeadEndsAreTold(lab, Family.IPv6);
}
