using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>What it sends is right as it stands on the wire: nobody's card has to mend a checksum.</summary>
public abstract class ChecksumsAreRight(HookLab lab, Family family) : Spec(lab, family)
{
    [Fact]
    public async Task No_checksum_is_wrong_when_neither_end_has_offloads()
    {
        var (client, backend) = (await Lab.StartClientAsync(), await Lab.StartSocketServerAsync());
        await Lab.DoWithoutOffloadsAsync(client, backend);

        await AssertRightAsync(client, backend);
    }

    async Task AssertRightAsync(Client client, SocketServer backend)
    {
        var balancer = await Lab.BalanceAsync(Service.Web(backend), Service.Echo(backend));
        var watches = await ChecksumWatch.StartAsync(client, backend);

        var upload = await client.UploadAsync(balancer, megabytes: 1);
        var echoed = await client.EchoAsync(balancer, times: 5, bytes: 1000);

        Assert.Equal((upload.Sent, 5), (upload.Arrived, echoed));
        ChecksumReport[] reports = [await watches[0].EndAsync(), await watches[1].EndAsync()];
        Assert.All(reports, report => Assert.Empty(report.Wrong));
        Assert.InRange(reports[0].Right, 20, int.MaxValue); // what acknowledges it, often many packets at once
        Assert.InRange(reports[1].Right, 500, int.MaxValue); // a megabyte in packets of 1,448 bytes is 725
    }

    /// <summary>Where what it sends goes by the whole of the kernel, which then does what a card cannot. Generic XDP goes past that.</summary>
    public abstract class WithoutACard(HookLab lab, Family family) : ChecksumsAreRight(lab, family)
    {
        [Fact]
        public async Task No_checksum_is_wrong_when_both_ends_offload_and_the_host_has_no_card()
        {
            var (client, backend) = (await Lab.StartClientAsync(), await Lab.StartSocketServerAsync());
            await using var bare = await Lab.DoWithoutHostsOffloadsAsync();

            await AssertRightAsync(client, backend);
        }
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : WithoutACard(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : WithoutACard(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : ChecksumsAreRight(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : ChecksumsAreRight(lab, Family.IPv6);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : WithoutACard(lab, Family.IPv4);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdpOverIPv6(NativeXdpLab lab) : WithoutACard(lab, Family.IPv6);
}
