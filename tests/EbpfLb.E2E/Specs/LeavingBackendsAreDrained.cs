using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>A backend that is taken away, or weighs nothing any more, keeps its connections for a while, and gets no new one.</summary>
public abstract class LeavingBackendsAreDrained(HookLab lab) : Spec(lab)
{
    const int MostTurns = 20;

    static readonly TimeSpan SeveralCollections = TimeSpan.FromSeconds(40);

    [Fact]
    public async Task A_container_removed_under_load_loses_no_request_and_keeps_its_connections()
    {
        var balancer = await Lab.BalanceAsync(Draining("10m", Lab.A, Lab.B));
        await using var held = await ConnectToAsync(Lab.B, balancer);
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        await balancer.ReloadAsync(Draining("10m", Lab.A));
        var status = await Eventually.That("the backend is draining", balancer.StatusAsync,
            seen => seen.Of(Lab.B)?.State == "draining", SeveralCollections, seen => $"{seen.Of(Lab.B)}");
        var answers = await Lab.OtherClient.GetAsync(balancer, times: 4);
        var tally = await load.StopAsync();

        tally.LostNothing();
        Assert.All(answers, answer => Assert.Equal(Lab.A.Name, answer.Server));
        Assert.Equal(Lab.B.Name, (await held.GetAsync("/still")).Server);
        Assert.InRange(status.Of(Lab.B)!.DrainSeconds!.Value, 1, 600);
        Assert.NotEqual(0, status.Of(Lab.B)!.Flows);
    }

    [Fact]
    public async Task A_drained_backend_leaves_without_a_lost_request_on_long_connections_too()
    {
        var leaving = await Lab.StartBackendAsync("leaving");
        var balancer = await Lab.BalanceAsync(Draining("10m", Lab.A, leaving));
        await using var load = await Lab.Client.StartLoadAsync(balancer, keepsConnections: false);
        await using var kept = await Lab.OtherClient.StartLoadAsync(balancer);
        var held = await ConnectToAsync(leaving, balancer);

        await balancer.ReloadAsync(Draining("10m", Lab.A));
        await Eventually.That("the backend is draining", balancer.StatusAsync,
            seen => seen.Of(leaving)?.State == "draining", SeveralCollections, seen => $"{seen.Of(leaving)}");
        Assert.Equal(leaving.Name, (await held.GetAsync("/still")).Server);
        var onKept = await kept.StopAsync();
        Assert.Equal(leaving.Name, (await held.GetAsync("/last")).Server);
        await held.DisposeAsync();
        await Eventually.That("the backend is forgotten", balancer.StatusAsync,
            seen => seen.Of(leaving) is null, SeveralCollections, seen => $"{seen.Of(leaving)}");
        await leaving.KillAsync();
        var answers = await Lab.OtherClient.GetAsync(balancer, times: 4);
        var tally = await load.StopAsync();

        Tell($"on new connections: {tally}; on kept ones beside new ones, until all were drained: {onKept}");
        onKept.LostNothing();
        tally.LostNothing();
        Assert.All(answers, answer => Assert.Equal(Lab.A.Name, answer.Server));
    }

    [Fact]
    public async Task After_its_drain_time_its_connections_are_cut_and_it_is_removed()
    {
        var balancer = await Lab.BalanceAsync(Draining("1s", Lab.A, Lab.B));
        await using var held = await ConnectToAsync(Lab.B, balancer);

        await balancer.ReloadAsync(Draining("1s", Lab.A));
        await Eventually.That("the backend is forgotten", balancer.StatusAsync,
            seen => seen.Of(Lab.B) is null, SeveralCollections, seen => $"{seen.Of(Lab.B)}");

        await Assert.ThrowsAsync<LabException>(() => held.GetAsync("/cut"));
    }

    [Fact]
    public async Task A_backend_of_weight_0_is_drained_when_its_last_connection_ends()
    {
        var balancer = await Lab.BalanceAsync(Draining("10m", Lab.A, Lab.B));
        var held = await ConnectToAsync(Lab.B, balancer);

        await balancer.ReloadAsync(Weighing("10m", 1, 0));
        Assert.Equal(Lab.B.Name, (await held.GetAsync("/still")).Server);
        await held.DisposeAsync();

        await Eventually.That("the backend is drained", balancer.StatusAsync,
            seen => seen.Of(Lab.B)?.State == "drained", SeveralCollections, seen => $"{seen.Of(Lab.B)}");
        Assert.All(await Lab.Client.GetAsync(balancer, times: 4), answer => Assert.Equal(Lab.A.Name, answer.Server));
    }

    static BalancerPlan Draining(string drain, params Backend[] backends) =>
        new(Service.Web(backends) with { Drain = drain }) { StandsInFile = true };

    BalancerPlan Weighing(string drain, params int[] weights) =>
        new(Service.Web(Lab.A, Lab.B) with { Drain = drain, Weights = weights });

    /// <summary>Connects until it is the backend's turn, which others may take meanwhile; those to the other are closed.</summary>
    async Task<HeldConnection> ConnectToAsync(Backend backend, Balancer balancer)
    {
        for (var attempt = 0; attempt < MostTurns; attempt++)
        {
            var connection = await Lab.Client.ConnectAsync(balancer, Lab.TakePorts(1));
            if ((await connection.GetAsync("/who")).Server == backend.Name)
                return connection;
            await connection.DisposeAsync();
        }
        throw new LabException($"{MostTurns} connections all went to other backends than {backend.Name}");
    }

    static void Tell(string words) => TestContext.Current.TestOutputHelper?.WriteLine(words);

    /// <summary>On one hook: draining is the runner's, and a flow that is there is found in the same table on each.</summary>
    [Collection<OfTheRunner>]
    public sealed class Tc(RunnerLab lab) : LeavingBackendsAreDrained(lab);
}
