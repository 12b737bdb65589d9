namespace EbpfLb.E2E.Specs;

/// <summary>
/// The lab's own promise: a run that is killed leaves nothing for good, because the next one removes it. No balancer takes
/// part, so it is kept on one hook.
/// </summary>
[Collection<OverTc>]
public sealed class KilledRunsLeaveNothing(TcLab lab) : Spec(lab)
{
    [Fact]
    public async Task The_next_run_removes_what_a_killed_one_left_and_spares_others()
    {
        await using var killed = await Lab.StartOtherRunAsync();
        await using var running = await Lab.StartOtherRunAsync();
        Assert.Equal(["container", "network", "volume"], await killed.RemainsAsync());
        await killed.KillAsync();

        await Lab.RemoveLeftoversAsync();

        Assert.Empty(await killed.RemainsAsync());
        Assert.Equal(["container", "network", "volume"], await running.RemainsAsync());
    }
}
