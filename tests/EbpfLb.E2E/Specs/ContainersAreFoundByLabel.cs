using System.Diagnostics;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.E2E.Specs;

/// <summary>Containers that are labelled for a service are its backends, from when they start until they are told to stop.</summary>
public abstract class ContainersAreFoundByLabel(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    static readonly TimeSpan TwoSeconds = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Scaling_up_and_down_loses_no_request_and_new_backends_get_their_share()
    {
        await using var pool = await Lab.StartPoolAsync();
        var (stays, other) = (await pool.StartAsync(), await pool.StartAsync());
        var balancer = await Lab.BalanceAsync(pool.Plan);
        await using var load = await Lab.Client.StartLoadAsync(balancer, keepsConnections: false);

        var more = await Task.WhenAll(pool.StartAsync(), pool.StartAsync(), pool.StartAsync());
        var waits = await Task.WhenAll(more.Select(backend => backend.TimeToFirstRequestAsync()));
        await Task.WhenAll(more.Append(other).Select(backend => backend.StopAsync()));
        var tally = await load.StopAsync();

        Tell($"new backends took traffic after {string.Join(", ", waits.Select(wait => $"{wait.TotalSeconds:f2} s"))}; {tally.Requests} requests");
        tally.LostNothing();
        Assert.Equal(
            more.Append(other).Append(stays).Select(backend => backend.Name).ToHashSet(),
            tally.Answers.Select(answer => answer.Server).ToHashSet());
        Assert.All(waits, wait => Assert.InRange(wait, TimeSpan.Zero, Soon));
        Assert.All(await Lab.Client.GetAsync(balancer, times: 3), answer => Assert.Equal(stays.Name, answer.Server));
    }

    [Fact]
    public async Task Scaled_by_compose_from_two_to_five_and_down_to_one_no_request_is_lost()
    {
        await using var pool = await Lab.ComposePoolAsync(servers: 2);
        var first = await pool.ServersAsync();
        await using var load = await Lab.Client.StartLoadAsync(pool);

        await pool.ScaleAsync(5);
        var all = await pool.ServersAsync();
        var waits = await Task.WhenAll(all.Except(first).Select(pool.TimeToFirstRequestAsync));
        await pool.ScaleAsync(1);
        var last = Assert.Single(await pool.ServersAsync());
        var tally = await load.StopAsync();

        Tell($"new backends took traffic {string.Join(", ", waits.Select(wait => $"{wait.AfterHealth.TotalSeconds:f2} s"))} after their checks passed, "
            + $"{string.Join(", ", waits.Select(wait => $"{wait.AfterStart.TotalSeconds:f2} s"))} after their start; {tally}");
        tally.LostNothing();
        Assert.Equal(5, all.Count);
        Assert.Equal(all, tally.Answers.Select(answer => answer.Server).ToHashSet());
        Assert.Contains(last, first);
        Assert.All(waits, wait => Assert.InRange(wait.AfterHealth, TimeSpan.Zero, TwoSeconds));
    }

    [Fact]
    public async Task A_container_with_invalid_labels_is_reported_and_ignored_alone()
    {
        await using var pool = await Lab.StartPoolAsync();
        var (good, elsewhere) = (await pool.StartAsync(), await pool.StartElsewhereAsync());
        var (wrong, heavy) = (await pool.StartAsync(("port", "99999")), await pool.StartAsync(("weight", "900"), ("network", "moon")));

        var balancer = await Lab.BalanceAsync(pool.Plan);

        Assert.All(await Lab.Client.GetAsync(balancer, times: 3), answer => Assert.Equal(good.Name, answer.Server));
        Assert.Collection((await pool.IgnoredByAsync(balancer)).OrderBy(line => line.Contains(elsewhere.ContainerName, StringComparison.Ordinal) ? 0 : 1),
            told => Assert.Contains($"container {elsewhere.ContainerName}: ", told, StringComparison.Ordinal),
            told => Assert.Contains($"container {wrong.ContainerName} ebpf-lb.port: '99999' has no valid port", told, StringComparison.Ordinal),
            told => Assert.Contains($"container {heavy.ContainerName} ebpf-lb.weight: '900' is not a weight", told, StringComparison.Ordinal),
            told => Assert.Contains($"container {heavy.ContainerName} ebpf-lb.network: 'moon' is not one of its networks", told, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_paused_container_takes_no_new_flow_until_it_is_unpaused()
    {
        await using var pool = await Lab.StartPoolAsync();
        var (one, other) = (await pool.StartAsync(), await pool.StartAsync());
        var balancer = await Lab.BalanceAsync(pool.Plan);

        await other.PauseAsync();
        await StandAsync(balancer, one);
        var meanwhile = await Lab.Client.GetAsync(balancer, times: 4);
        await other.ResumeAsync();
        await StandAsync(balancer, one, other);

        Assert.All(meanwhile, answer => Assert.Equal(one.Name, answer.Server));
        Turns.AssertExact((await Lab.Client.GetAsync(balancer, times: 4)).Select(answer => answer.Server), one, other);
    }

    [Fact]
    public async Task Changes_during_an_outage_of_the_engine_are_found_after_it()
    {
        await using var pool = await Lab.StartPoolAsync();
        var (stays, leaves) = (await pool.StartAsync(), await pool.StartAsync());
        var balancer = await Lab.BalanceAsync(pool.Plan);
        await StandAsync(balancer, stays, leaves);

        await pool.Line.CutAsync();
        var watch = Stopwatch.StartNew();
        Turns.AssertExact((await Lab.Client.GetAsync(balancer, times: 4)).Select(answer => answer.Server), stays, leaves);
        var joins = await pool.StartAsync();
        await leaves.StopAsync();
        await Eventually.That("the line has been cut for long enough",
            () => Task.FromResult(watch.Elapsed), elapsed => elapsed >= SuiteSize.EngineSilence, SuiteSize.EngineSilence + Soon);
        await pool.Line.MendAsync();
        watch.Restart();
        await StandAsync(balancer, stays, joins);

        Tell($"right {watch.Elapsed.TotalSeconds:f2} s after the line was mended");
        Turns.AssertExact((await Lab.Client.GetAsync(balancer, times: 4)).Select(answer => answer.Server), stays, joins);
    }

    /// <summary>Waits until these, and no others, take new flows.</summary>
    static async Task StandAsync(Balancer balancer, params LabelledBackend[] backends) => await Eventually.That(
        $"new flows go to {string.Join(" and ", backends.Select(backend => backend.ContainerName))} alone",
        async () => (await balancer.StatusAsync()).Backends.Where(backend => backend.Weight > 0).Select(backend => backend.Name).ToHashSet(),
        takers => takers.SetEquals(backends.Select(backend => backend.ContainerName)), Soon, takers => string.Join(", ", takers));

    static void Tell(string words) => TestContext.Current.TestOutputHelper?.WriteLine(words);

    [Collection<OfTheRunner>]
    public sealed class Tc(RunnerLab lab) : ContainersAreFoundByLabel(lab);
}
