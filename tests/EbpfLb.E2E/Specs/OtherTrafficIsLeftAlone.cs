using EbpfLb.Lab;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>Whatever is not a service's traffic goes its way as if there were no balancer.</summary>
public abstract class OtherTrafficIsLeftAlone(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(3);

    /// <summary>Long enough for an answer that there must not be.</summary>
    static readonly TimeSpan Briefly = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task Pings_are_answered()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var answered = await Lab.Client.PingAsync(balancer, times: 20);

        Assert.Equal(20, answered);
    }

    [Fact]
    public async Task The_hosts_own_connections_reach_backends_and_others_also_under_load()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var load = Lab.Client.GetInParallelAsync(balancer, times: 200);
        var own = await Task.WhenAll(
            Lab.Host.GetInParallelAsync(Lab.A, times: 100), Lab.Host.GetInParallelAsync(Lab.B, times: 100),
            Lab.Host.GetAsync(Lab.C, times: 20));

        Assert.All(own[0], answer => Assert.Equal(Lab.A.Name, answer.Server));
        Assert.All(own[1], answer => Assert.Equal(Lab.B.Name, answer.Server));
        Assert.All(own[2], answer => Assert.Equal(Lab.C.Name, answer.Server));
        await AccessLogs.AssertTellTheSameAsync(await load, Lab.A, Lab.B);
    }

    [Fact]
    public async Task A_port_without_a_service_is_refused_at_once()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var probe = await Lab.Client.ProbeTcpAsync(balancer, port: 81);

        Assert.Equal(ProbeResult.Refused, probe.Result);
        Assert.InRange(probe.After, TimeSpan.Zero, AtOnce);
    }

    [Fact]
    public async Task The_hosts_own_server_is_reached()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await using var server = await Lab.Host.ServeAsync(port: 8080);

        var name = await Lab.Client.HearFromAsync(balancer, port: 8080);

        Assert.Equal(Lab.Host.Name, name);
    }

    [Fact]
    public async Task Backends_are_reached_directly_too()
    {
        await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var answers = await Lab.Client.GetAsync(Lab.B, times: 3);

        Assert.All(answers, answer => Assert.Equal(Lab.B.Name, answer.Server));
    }

    [Fact]
    public async Task A_foreign_tc_filter_works_beside_the_balancer_and_after_it()
    {
        Assert.Equal(3, await Lab.Client.PingAsync(Lab.Host, times: 3));
        await using var filter = await Lab.PlaceForeignFilterAsync();
        var before = await Lab.Client.PingAsync(Lab.Host, times: 3, Briefly);
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        var beside = await Lab.OtherClient.PingAsync(Lab.Host, times: 50, Briefly);
        var tally = await load.StopAsync();
        await balancer.EndAsync();
        var after = await Lab.Client.PingAsync(Lab.Host, times: 3, Briefly);

        tally.LostNothing();
        Assert.Equal([0, 0, 0], [before, beside, after]);
    }

    [Theory]
    [InlineData(true, ForeignVerdict.Next), InlineData(false, ForeignVerdict.Next)]
    [InlineData(true, ForeignVerdict.Pass), InlineData(false, ForeignVerdict.Pass)]
    public async Task A_foreign_tcx_program_works_beside_the_balancer(bool cameFirst, ForeignVerdict verdict)
    {
        Assert.SkipUnless(await Lab.KnowsTcxAsync(), "the kernel has no tcx links, which came with 6.6");
        Assert.Equal(3, await Lab.Client.PingAsync(Lab.Host, times: 3));
        await using var former = cameFirst ? await Lab.PlaceForeignLinkAsync(verdict) : null;
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await using var latter = cameFirst ? null : await Lab.PlaceForeignLinkAsync(verdict);

        var answers = await Lab.Client.GetAsync(balancer, times: 20);
        var beside = await Lab.OtherClient.PingAsync(Lab.Host, times: 20, Briefly);
        await balancer.EndAsync();
        var after = await Lab.Client.PingAsync(Lab.Host, times: 3, Briefly);

        Assert.Equal([Lab.A.Name, Lab.B.Name], answers.Select(answer => answer.Server).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal([0, 0], [beside, after]);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : OtherTrafficIsLeftAlone(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : OtherTrafficIsLeftAlone(lab);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : OtherTrafficIsLeftAlone(lab);
}
