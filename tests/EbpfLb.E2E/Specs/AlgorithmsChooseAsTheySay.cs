using EbpfLb.Lab;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>Each service chooses its backends in the way that it names.</summary>
public abstract class AlgorithmsChooseAsTheySay(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Weighted_round_robin_gives_exact_shares()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B, Lab.C) with
        {
            Algorithm = "weighted-round-robin",
            Weights = [3, 2, 1],
        });

        var answers = await Lab.Client.GetAsync(balancer, times: 12);

        Shares.AssertExact(answers, (Lab.A, 6), (Lab.B, 4), (Lab.C, 2));
    }

    [Theory]
    [InlineData("random")]
    [InlineData("maglev")]
    public async Task Random_selection_follows_the_weights(string algorithm)
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B) with
        {
            Algorithm = algorithm,
            Weights = [3, 1],
        });

        var answers = await Lab.Client.GetInParallelAsync(balancer, times: 400);

        Shares.AssertLikely(answers, Lab.A, 0.75);
    }

    [Fact]
    public async Task Source_hash_gives_a_client_the_same_backend_every_time()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B, Lab.C) with { Algorithm = "source-hash" });

        var answers = await Task.WhenAll(
            Lab.Client.GetAsync(balancer, times: 10), Lab.OtherClient.GetAsync(balancer, times: 10));

        Assert.All(answers, own => Assert.Single(own.Select(answer => answer.Server).Distinct()));
    }

    [Fact]
    public async Task Least_connections_prefers_an_idle_backend()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B) with { Algorithm = "least-connections" });
        // More than a machine in a hurry may have left to close of the requests before one.
        const int each = 8;
        await using var held = await HeldConnections.OpenAsync(Lab.Client, balancer, Lab.TakePorts(2 * each), count: 2 * each);
        var toA = await held.CloseThoseToAsync(Lab.A);
        await Eventually.That($"{Lab.A.Name} has no connection", balancer.StatusAsync,
            seen => seen.Backends.All(backend => backend.Name != Lab.A.Name || backend.Flows == 0), Soon);

        var answers = await Lab.Client.GetAsync(balancer, times: 10);

        Assert.Equal(each, toA);
        Assert.All(answers, answer => Assert.Equal(Lab.A.Name, answer.Server));
    }

    /// <summary>On one hook: the slot tables are the runner's, and the units hold each program's choice to them.</summary>
    [Collection<OfTheRunner>]
    public sealed class Tc(RunnerLab lab) : AlgorithmsChooseAsTheySay(lab);
}
