using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// Where a link on the way takes smaller packets only, the router's word on it gets through the balancer to the sender,
/// who then sends smaller ones: path-MTU discovery works.
/// </summary>
public abstract class NarrowLinksAreFound(HookLab lab, Family family) : Spec(lab, family)
{
    const int Narrow = 1300;

    [Fact]
    public async Task A_large_upload_gets_through_to_a_backend_behind_a_narrow_link()
    {
        var client = await Lab.StartClientAsync();
        await using var router = await Lab.NarrowPathAsync(to: Lab.SocketsA, Narrow);
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.SocketsA));

        var upload = await client.UploadAsync(balancer, megabytes: 10);

        Assert.Equal(upload.Sent, upload.Arrived);
        Assert.InRange((await balancer.StatusAsync()).SentIcmpErrors, 1, long.MaxValue);
    }

    [Fact]
    public async Task A_large_download_gets_through_to_a_client_behind_a_narrow_link()
    {
        var (client, server) = (await Lab.StartClientAsync(), await Lab.StartFileServerAsync());
        var file = await server.CreateFileAsync(megabytes: 10);
        await using var router = await Lab.NarrowPathAsync(to: client, Narrow);
        var balancer = await Lab.BalanceAsync(Service.Web(server));

        var arrived = await client.DownloadAsync(balancer, file);

        Assert.Equal(file, arrived);
        Assert.InRange((await balancer.StatusAsync()).SentIcmpErrors, 1, long.MaxValue);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : NarrowLinksAreFound(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : NarrowLinksAreFound(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : NarrowLinksAreFound(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : NarrowLinksAreFound(lab, Family.IPv6);
}
