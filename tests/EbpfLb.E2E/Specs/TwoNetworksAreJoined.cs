using EbpfLb.Lab;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// A balancer that stands on two networks serves the clients of one from the backends of the other, though neither
/// network knows a way to the other.
/// </summary>
public abstract class TwoNetworksAreJoined(HookLab lab, Family family) : Spec(lab, family)
{
    const int Narrow = 1300;

    [Fact]
    public async Task Answers_alternate_and_backends_see_an_address_of_their_own_network()
    {
        var back = await Lab.AddBackNetworkAsync();
        var (a, b) = (await back.StartBackendAsync("back-a"), await back.StartBackendAsync("back-b"));
        var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(a, b)) { MoreInterfaces = [back.Interface] });

        var answers = await Lab.Client.GetAsync(balancer, times: 20);

        Turns.AssertExact(answers.Select(answer => answer.Server), a, b);
        await AccessLogs.AssertNameAsync(back.Address, answers, a, b);
        Assert.Equal(5, await Lab.Client.PingAsync(balancer, times: 5));
    }

    [Fact]
    public async Task A_large_download_arrives_whole()
    {
        var back = await Lab.AddBackNetworkAsync();
        var server = await back.StartFileServerAsync("back-files");
        var file = await server.CreateFileAsync(SuiteSize.LargeTransfer);
        var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(server)) { MoreInterfaces = [back.Interface] });

        var arrived = await Lab.Client.DownloadAsync(balancer, file);

        Assert.Equal(file, arrived);
    }

    [Fact]
    public async Task A_large_upload_finds_the_narrow_link_in_the_backends_network()
    {
        var (client, back) = (await Lab.StartClientAsync(), await Lab.AddBackNetworkAsync());
        var server = await back.StartSocketServerAsync("back-sockets");
        await back.NarrowPathAsync(to: server, Narrow);
        var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(server)) { MoreInterfaces = [back.Interface] });

        var upload = await client.UploadAsync(balancer, megabytes: 10);

        Assert.Equal(upload.Sent, upload.Arrived);
        Assert.InRange((await balancer.StatusAsync()).SentIcmpErrors, 1, long.MaxValue);
    }

    [Fact]
    public async Task A_balancer_without_an_interface_to_the_backends_refuses_clients_at_once()
    {
        var back = await Lab.AddBackNetworkAsync();
        var a = await back.StartBackendAsync("back-a");
        var balancer = await Lab.BalanceAsync(Service.Web(a));

        var probe = await Lab.Client.ProbeTcpAsync(balancer, port: 80);

        Assert.Equal(ProbeResult.Refused, probe.Result);
        Assert.InRange((await balancer.StatusAsync()).RefusedNoSource, 1, long.MaxValue);
    }

    [Fact]
    public async Task It_detaches_cleanly_from_both()
    {
        var back = await Lab.AddBackNetworkAsync();
        var a = await back.StartBackendAsync("back-a");
        var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(a)) { MoreInterfaces = [back.Interface] });
        Assert.Equal(back.Interface, (await balancer.StatusAsync()).Interfaces[^1]);
        var before = await Lab.Host.KernelStateAsync();

        var ended = await balancer.EndAsync();

        Assert.True(ended.Succeeded, $"{ended}");
        await before.AssertIsGoneAsync(Lab.Host);
        Assert.Equal(a.Name, (await Lab.Host.GetAsync(a)).Server);
    }

    [Fact]
    public async Task Detach_of_either_interface_removes_what_a_killed_balancer_left_on_both()
    {
        var back = await Lab.AddBackNetworkAsync();
        var a = await back.StartBackendAsync("back-a");
        var balancer = await Lab.BalanceAsync(new BalancerPlan(Service.Web(a)) { MoreInterfaces = [back.Interface] });
        await balancer.EndAsync("SIGKILL");
        var before = await Lab.Host.KernelStateAsync();

        var output = await Lab.DetachAsync(from: back.Interface);

        Assert.True(output.Succeeded, $"{output}");
        await before.AssertIsGoneAsync(Lab.Host);
    }

    [Fact]
    public async Task A_second_interface_of_another_balancer_leaves_both_untouched()
    {
        var back = await Lab.AddBackNetworkAsync();
        var a = await back.StartBackendAsync("back-a");
        var first = await Lab.BalanceAsync(new BalancerPlan(Service.Web(a)) { Interface = back.Interface });
        var before = await Lab.Host.KernelStateAsync();

        var output = await Lab.TryToBalanceAsync(
            new BalancerPlan(Service.Web(a)) { MoreInterfaces = [back.Interface] });

        Assert.Equal((1, ""), (output.ExitCode, output.Stdout));
        Assert.Contains($"'{back.Interface}'", Assert.Single(output.Faults), StringComparison.Ordinal);
        Assert.Equal($"{before}", $"{await Lab.Host.KernelStateAsync()}");
        Assert.True((await first.StatusAsync()).Running);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : TwoNetworksAreJoined(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : TwoNetworksAreJoined(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : TwoNetworksAreJoined(lab, Family.IPv4)
    {
        /// <summary>Of this hook alone: that of tc has room for all.</summary>
        [Fact]
        public async Task A_taken_hook_on_one_interface_leaves_nothing_on_the_other()
        {
            var back = await Lab.AddBackNetworkAsync();
            var a = await back.StartBackendAsync("back-a");
            await using var occupied = await Lab.OccupyXdpAsync();
            var before = await Lab.Host.KernelStateAsync();

            var output = await Lab.TryToBalanceAsync(
                new BalancerPlan(Service.Web(a)) { MoreInterfaces = [back.Interface] });

            Assert.Equal((1, ""), (output.ExitCode, output.Stdout));
            Assert.Contains("attaching to the XDP hook", Assert.Single(output.Faults), StringComparison.Ordinal);
            Assert.Equal($"{before}", $"{await Lab.Host.KernelStateAsync()}");
        }
    }

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : TwoNetworksAreJoined(lab, Family.IPv6);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : TwoNetworksAreJoined(lab, Family.IPv4);
}
