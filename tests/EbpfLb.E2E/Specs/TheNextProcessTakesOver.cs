using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// The next process goes on where the former one ended. What it costs under load is <see cref="DeathCostsNoConnection"/>'s.
/// </summary>
public abstract class TheNextProcessTakesOver(HookLab lab) : Spec(lab)
{
    [Fact]
    public async Task Round_robin_continues_at_its_position()
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
    public async Task With_leave_attached_the_datapath_stays_after_sigterm()
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
    public async Task A_process_that_cannot_adopt_changes_nothing_without_replace()
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

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : TheNextProcessTakesOver(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : TheNextProcessTakesOver(lab);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : TheNextProcessTakesOver(lab);
}
