using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// The datapath goes on without its process, and the next process takes it over: neither a death nor a restart nor an
/// upgrade costs a connection.
/// </summary>
public abstract class DeathCostsNoConnection(HookLab lab, string otherHook) : Spec(lab, loads: true)
{
    [Fact]
    public async Task Sudden_deaths_and_restarts_under_load_fail_no_request_and_no_download()
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
    public async Task Backends_go_on_taking_their_turns_where_they_were()
    {
        var plan = new BalancerPlan(Service.Web(Lab.A, Lab.B, Lab.C));
        var former = await Lab.BalanceAsync(plan);

        var before = await Lab.Client.GetAsync(former, times: 4);
        await former.KillAsync();
        var without = await Lab.Client.GetAsync(former, times: 3);
        var balancer = await Lab.BalanceAsync(plan);
        var after = await Lab.Client.GetAsync(balancer, times: 5);

        Turns.AssertExact(
            new[] { before, without, after }.SelectMany(answers => answers).Select(answer => answer.Server),
            Lab.A, Lab.B, Lab.C);
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

    [Fact]
    public async Task Where_it_is_to_leave_its_datapath_it_does_so_when_asked_to_end()
    {
        var plan = new BalancerPlan(Service.Web(Lab.A, Lab.B));
        var former = await Lab.BalanceAsync(plan with { LeavesAttached = true });
        await using var connection = await Lab.Client.ConnectAsync(former, Lab.TakePorts(1));
        var first = await connection.GetAsync("/first");

        var ended = await former.EndAsync();
        var without = await connection.GetAsync("/without");
        await Lab.BalanceAsync(plan);
        var after = await connection.GetAsync("/after");

        Assert.True(ended.Succeeded, $"{ended}");
        Assert.All([without, after], answer => Assert.Equal(first.Server, answer.Server));
    }

    [Fact]
    public async Task One_that_cannot_take_over_says_so_and_changes_nothing_until_it_is_to_start_anew()
    {
        var plan = new BalancerPlan(Service.Web(Lab.A, Lab.B));
        var former = await Lab.BalanceAsync(plan);
        await former.KillAsync();
        await using var connection = await Lab.Client.ConnectAsync(former, Lab.TakePorts(1));
        await connection.GetAsync("/before");

        var larger = plan with { Flows = 131072 };
        var refused = await Lab.TryToBalanceAsync(larger);
        await connection.GetAsync("/after");
        var next = await Lab.BalanceAsync(larger with { StartsAnew = true });

        Assert.Equal(
            $"the tables attached to {plan.Interface} have room for 65536 flows, and 131072 are configured: a table in use "
            + "cannot be resized. Configure 65536 (--flows, or flows: in the file), or run it with --replace to start "
            + "anew, which breaks its connections.", Assert.Single(refused.Faults));
        Assert.Equal(0, (await next.StatusAsync()).Flows);
    }

    static void Tell(string words) => TestContext.Current.TestOutputHelper?.WriteLine(words);

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : DeathCostsNoConnection(lab, otherHook: "xdp-generic");

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : DeathCostsNoConnection(lab, otherHook: "tc");

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : DeathCostsNoConnection(lab, otherHook: "xdp-generic");
}
