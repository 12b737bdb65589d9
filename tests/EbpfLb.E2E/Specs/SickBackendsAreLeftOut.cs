using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>A backend that no longer answers its checks takes no new flow until it answers them again.</summary>
public abstract class SickBackendsAreLeftOut(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan AFewChecks = TimeSpan.FromSeconds(30);

    /// <summary>With as long a timeout as there may be: a busy machine is not to take a server for a dead one.</summary>
    static readonly string[] Checks = ["http=/", "every=1s", "timeout=1s", "rise=2", "fall=3"];

    [Fact]
    public async Task A_dead_backend_loses_only_the_requests_before_its_checks_fail()
    {
        var (staying, dying) = (await StartAsync(), await StartAsync());
        var balancer = await Lab.BalanceAsync(Checked(staying, dying));
        await IsAsync(balancer, "up", staying, dying);
        var before = await OpenedAsync(balancer, dying);
        await using var during = await Lab.Client.StartLoadAsync(balancer);

        await dying.KillAsync();
        await IsAsync(balancer, "down", dying);
        var until = await OpenedAsync(balancer, dying);
        var lost = await during.StopAsync();
        await using var after = await Lab.Client.StartLoadAsync(balancer);
        var kept = await after.StopAsync();

        var answered = lost.Answers.Count(answer => answer.Server == dying.Name);
        Tell($"it got {until - before} connections, and answered on {answered} of the new ones");
        Assert.InRange(lost.Failed, 0, until - before - answered);
        kept.LostNothing();
        Assert.All(kept.Answers, answer => Assert.Equal(staying.Name, answer.Server));
        Assert.Equal(until, await OpenedAsync(balancer, dying));
    }

    [Fact]
    public async Task A_backend_that_hangs_is_excluded_until_it_answers_again()
    {
        var (busy, hanging) = (await StartAsync(), await StartAsync());
        var balancer = await Lab.BalanceAsync(Checked(busy, hanging));
        await IsAsync(balancer, "up", busy, hanging);

        await hanging.PauseAsync();
        await IsAsync(balancer, "down", hanging);
        await using var load = await Lab.Client.StartLoadAsync(balancer);
        await hanging.ResumeAsync();
        await IsAsync(balancer, "up", hanging);
        await Eventually.That("it answers again", () => Lab.OtherClient.GetAsync(balancer),
            answer => answer.Server == hanging.Name, AFewChecks);
        var tally = await load.StopAsync();

        tally.LostNothing();
    }

    [Fact]
    public async Task Clients_are_refused_at_once_when_all_backends_are_down()
    {
        var (one, other) = (await StartAsync(), await StartAsync());
        var balancer = await Lab.BalanceAsync(Checked(one, other));
        await IsAsync(balancer, "up", one, other);

        await Task.WhenAll(one.PauseAsync(), other.PauseAsync());
        await IsAsync(balancer, "down", one, other);
        Assert.Equal(ProbeResult.Refused, (await Lab.Client.ProbeTcpAsync(balancer, port: 80)).Result);

        await one.ResumeAsync();
        await IsAsync(balancer, "up", one);
        Assert.Equal(one.Name, (await Lab.Client.GetAsync(balancer)).Server);
    }

    Task<Backend> StartAsync() => Lab.StartBackendAsync("mortal");

    static Service Checked(params Role[] backends) => Service.WebAt(backends) with { Health = Checks };

    static async Task IsAsync(Balancer balancer, string state, params Backend[] backends) => await Eventually.That(
        $"{string.Join(" and ", backends.Select(backend => backend.Name))} is {state}",
        async () => backends.Select(await StateAsync(balancer)).ToArray(),
        seen => seen.All(now => now == state), AFewChecks, seen => string.Join(", ", seen));

    static async Task<Func<Backend, string?>> StateAsync(Balancer balancer)
    {
        var status = await balancer.StatusAsync();
        return backend => status.Of(backend)?.State;
    }

    static async Task<int> OpenedAsync(Balancer balancer, Backend backend) =>
        (int)(await balancer.StatusAsync()).Of(backend)!.Traffic.Opened;

    static void Tell(string words) => TestContext.Current.TestOutputHelper?.WriteLine(words);

    /// <summary>On one hook: checks are the runner's, and what it does about them is in the tables, which every hook reads alike.</summary>
    [Collection<OfTheRunner>]
    public sealed class Tc(RunnerLab lab) : SickBackendsAreLeftOut(lab);
}
