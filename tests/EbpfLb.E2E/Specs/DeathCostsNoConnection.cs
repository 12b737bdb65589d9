using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// The datapath goes on without its process, and the next process takes it over: neither a death nor a restart nor an
/// upgrade costs a connection.
/// </summary>
public abstract class DeathCostsNoConnection(HookLab lab, string otherHook) : Spec(lab, loads: true)
{
    [Fact]
    public async Task Kills_and_restarts_under_load_fail_no_request_and_no_download()
    {
        var file = await Lab.Files.CreateFileAsync(SuiteSize.DownloadOverDeaths);
        var plan = new BalancerPlan(Service.Web(Lab.Files));
        var balancer = await Lab.BalanceAsync(plan);
        await using var load = await Lab.Client.StartLoadAsync(balancer);
        await using var download = await Lab.OtherClient.StartDownloadAsync(balancer, file, megabytesPerSecond: 50);

        for (var death = 0; death < SuiteSize.Deaths; death++)
        {
            var portion = download.TakeAsync(SuiteSize.DownloadOverDeaths / (SuiteSize.Deaths + 1));
            await balancer.KillAsync();
            balancer = await Lab.BalanceAsync(plan);
            await portion;
        }
        var wasOver = await download.IsOverAsync();
        var arrived = await download.FinishAsync();
        var tally = await load.StopAsync();
        await Lab.Files.RemoveFileAsync(file);

        Tell($"{tally}; {arrived.Bytes} bytes arrived meanwhile");
        tally.LostNothing();
        Assert.False(wasOver, "The download was over before the last death");
        Assert.Equal(file, arrived);
        var counted = Assert.Single((await balancer.StatusAsync()).Services).Traffic.Opened;
        Assert.InRange(counted, tally.Connections + 1, long.MaxValue); // also those of former lives
    }

    [Fact]
    public async Task Other_programs_on_other_hooks_take_over_under_load_and_fail_no_request()
    {
        var plan = new BalancerPlan(Service.Web(Lab.A, Lab.B));
        var balancer = await Lab.BalanceAsync(plan);
        var before = await Lab.Host.KernelStateAsync();
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        foreach (var hook in new[] { otherHook, Lab.Hook, otherHook, Lab.Hook })
        {
            await balancer.KillAsync();
            balancer = await Lab.BalanceAsync(plan with { Hook = hook });
            Assert.Equal(hook, (await balancer.StatusAsync()).Hook);
        }
        var tally = await load.StopAsync();

        tally.LostNothing();
        Assert.Empty(before.Programs.Intersect((await Lab.Host.KernelStateAsync()).Programs));
    }

    [Fact]
    public async Task Another_build_takes_over_in_place_and_hands_back_under_load_and_fails_no_request()
    {
        var plan = new BalancerPlan(Service.Web(Lab.A, Lab.B)) { LeavesAttached = true };
        var other = plan with { Build = await Lab.MakeOtherBuildAsync() };
        var balancer = await Lab.BalanceAsync(plan);
        var former = (Version: await balancer.VersionAsync(), Programs: await Lab.Host.ProgramDigestsAsync());
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        await balancer.EndAsync();
        balancer = await Lab.BalanceAsync(other);
        var latter = (Version: await balancer.VersionAsync(), Programs: await Lab.Host.ProgramDigestsAsync());
        await balancer.KillAsync();
        balancer = await Lab.BalanceAsync(plan with { LeavesAttached = false });
        var tally = await load.StopAsync();

        Tell($"from {former.Version} to {latter.Version} and back: {tally}");
        tally.LostNothing();
        Assert.NotEqual(former.Version, latter.Version);
        Assert.NotEmpty(latter.Programs);
        Assert.Empty(former.Programs.Intersect(latter.Programs));
        Assert.Equal(former.Programs, await Lab.Host.ProgramDigestsAsync());
    }

    static void Tell(string words) => TestContext.Current.TestOutputHelper?.WriteLine(words);

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : DeathCostsNoConnection(lab, otherHook: "xdp-generic");

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : DeathCostsNoConnection(lab, otherHook: "tc");

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : DeathCostsNoConnection(lab, otherHook: "xdp-generic");
}
