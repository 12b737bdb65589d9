using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>A connection is given to one backend, and all of it goes there, however much and however long.</summary>
public abstract class AConnectionStaysOnItsBackend(HookLab lab, Family family) : Spec(lab, family)
{
    [Fact]
    public async Task A_hundred_requests_on_one_connection_have_one_backend()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var answers = await Lab.Client.GetOnOneConnectionAsync(balancer, times: 100);

        Assert.Single(answers, answer => answer.IsNewConnection);
        Assert.Single(answers.Select(answer => answer.Server).Distinct());
    }

    [Fact]
    public async Task Connections_stay_apart_while_both_are_open()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        await using var one = await Lab.Client.ConnectAsync(balancer, fromPort: 20001);
        await using var other = await Lab.Client.ConnectAsync(balancer, fromPort: 20002);
        var (first, second) = (await one.GetAsync("/one/first"), await other.GetAsync("/other/first"));
        var (again, secondAgain) = (await one.GetAsync("/one/again"), await other.GetAsync("/other/again"));

        Assert.NotEqual(first.Server, second.Server);
        Assert.Equal((first.Server, "/one/again"), (again.Server, again.Uri));
        Assert.Equal((second.Server, "/other/again"), (secondAgain.Server, secondAgain.Uri));
    }

    [Fact]
    public async Task A_large_download_arrives_unharmed()
    {
        var file = await Lab.Files.CreateFileAsync(SuiteSize.LargeTransfer);
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.Files));

        var arrived = await Lab.Client.DownloadAsync(balancer, file);

        Assert.Equal(file, arrived);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : AConnectionStaysOnItsBackend(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : AConnectionStaysOnItsBackend(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : AConnectionStaysOnItsBackend(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : AConnectionStaysOnItsBackend(lab, Family.IPv6);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : AConnectionStaysOnItsBackend(lab, Family.IPv4);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdpOverIPv6(NativeXdpLab lab) : AConnectionStaysOnItsBackend(lab, Family.IPv6);
}
