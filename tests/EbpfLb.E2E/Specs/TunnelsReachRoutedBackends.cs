using EbpfLb.Lab;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// In mode tunnel backends may be behind routers: they take the outer header off, see who asks, and answer clients past
/// the balancer.
/// </summary>
public abstract class TunnelsReachRoutedBackends(HookLab lab, Family family) : Spec(lab, family)
{
    [Theory, InlineData("gue"), InlineData("ipip")]
    public async Task Backends_answer_in_turn_and_see_the_clients_address(string encapsulation)
    {
        var routed = await Lab.AddRoutedNetworkAsync();
        var (one, other) = (await routed.StartBackendAsync("routed-a"), await routed.StartBackendAsync("routed-b"));
        var decapsulator = await routed.DecapsulateAsync(one);
        await routed.DecapsulateAsync(other);
        var balancer = await Lab.BalanceAsync(Service.WebAt(one, other) with { Mode = "tunnel", Encapsulation = encapsulation });

        var answers = await Lab.Client.GetAsync(balancer, times: 10);

        Turns.AssertExact(answers.Select(answer => answer.Server), one, other);
        Assert.All(answers, answer => Assert.Equal(balancer.Address, answer.ServerAddress.Address));
        await AccessLogs.AssertNameTheClientAsync(answers, one, other);
        var service = Assert.Single((await balancer.StatusAsync()).Services);
        Assert.Equal(("tunnel", 0), (service.Mode, service.Traffic.ToClientPackets));
        var listed = await decapsulator.CommandAsync("status");
        Assert.Matches($"eth0: decapsulates, .*{encapsulation} [1-9]", listed.Stdout);
    }

    [Fact]
    public Task Large_transfers_arrive_both_ways() => AssertTransfersArriveAsync("gue");

    [Fact]
    public async Task Clients_reach_backends_of_the_other_family()
    {
        var routed = await Lab.AddRoutedNetworkAsync();
        var one = await routed.StartBackendAsync("routed-a");
        await routed.DecapsulateAsync(one);
        var balancer = await Lab.BalanceAsync(Service.WebAcross(one) with { Mode = "tunnel" });

        var answers = await Lab.Client.GetAsync(balancer, times: 3);

        Assert.All(answers, answer => Assert.Equal(one.Name, answer.Server));
    }

    private protected async Task AssertTransfersArriveAsync(string encapsulation)
    {
        var routed = await Lab.AddRoutedNetworkAsync();
        var (files, sockets) = (await routed.StartFileServerAsync("routed-files"), await routed.StartSocketServerAsync("routed-sockets"));
        var file = await files.CreateFileAsync(SuiteSize.LargeTransfer);
        await routed.DecapsulateAsync(files);
        await routed.DecapsulateAsync(sockets);
        var client = await Lab.StartClientAsync();

        var down = await Lab.BalanceAsync(Service.WebAt(files) with { Mode = "tunnel", Encapsulation = encapsulation });
        Assert.Equal(file, await client.DownloadAsync(down, file));
        await down.EndAsync();
        var up = await Lab.BalanceAsync(Service.WebAt(sockets) with { Mode = "tunnel", Encapsulation = encapsulation });
        var upload = await client.UploadAsync(up, SuiteSize.LargeTransfer);

        Assert.Equal(upload.Sent, upload.Arrived);
        // The client's first large segments did not fit with an outer header, and it was told so.
        Assert.InRange((await up.StatusAsync()).SentTooBig, 1, long.MaxValue);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : TunnelsReachRoutedBackends(lab, Family.IPv4)
    {
        [Fact]
        public Task Large_transfers_arrive_both_ways_by_ipip() => AssertTransfersArriveAsync("ipip");

        /// <summary>Of this hook alone: it is about the backend, which no hook of the balancer's matters to.</summary>
        [Fact]
        public async Task Decapsulation_survives_a_kill_and_ends_with_a_stop()
        {
            var routed = await Lab.AddRoutedNetworkAsync();
            var one = await routed.StartBackendAsync("routed-a");
            var decapsulator = await routed.DecapsulateAsync(one);
            var balancer = await Lab.BalanceAsync(Service.WebAt(one) with { Mode = "tunnel" });

            await decapsulator.KillAndRestartAsync();
            Assert.Equal(one.Name, (await Lab.Client.GetAsync(balancer)).Server);
            await decapsulator.EndAsync();

            var probe = await Lab.Client.ProbeTcpAsync(balancer, port: 80);
            Assert.Equal(ProbeResult.Silence, probe.Result);
        }
    }

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : TunnelsReachRoutedBackends(lab, Family.IPv4);
}
