using EbpfLb.Lab;
using EbpfLb.Lab.Clusters;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// A router spreads flows over balancers that announce one address. Whichever of them comes or goes, no request fails and
/// no download breaks off: a flow that reaches another balancer goes on there.
/// </summary>
/// <remarks>
/// When one leaves, two are left: the router may take one of them for gone for a moment, on a machine that is busy.
/// </remarks>
public abstract class ARouterSpreadsFlows(EcmpLab lab, Family family) : ClusterSpec(lab, family)
{
    [Fact]
    public async Task A_balancer_that_withdraws_is_left_before_it_ends()
    {
        var (plan, file) = (lab.PlanFor(lab.A, lab.B), await lab.FileAsync(SuiteSize.DownloadOverFailover));
        var nodes = await lab.StartNodesAsync(3, plan);
        await lab.SendsToAsync(nodes);
        await using var load = await StartLoadAsync();
        await using var download = await StartDownloadAsync(file);
        var leaving = await lab.CarrierOfAsync(lab.OtherClient);

        var end = leaving.Balancer.EndAsync();
        await lab.SendsNoMoreToAsync(leaving);
        var hadEnded = end.IsCompleted;
        var ended = await end;

        Assert.False(hadEnded, "The balancer ended before its route was gone");
        Assert.True(ended.Succeeded, $"{ended}");
        await LostNothingAsync(load, download, file);
    }

    [Fact]
    public async Task A_machine_that_dies_and_one_that_joins_fail_no_request()
    {
        var (plan, file) = (lab.PlanFor(lab.A, lab.B), await lab.FileAsync(SuiteSize.DownloadOverFailover));
        var nodes = await lab.StartNodesAsync(3, plan);
        await lab.SendsToAsync(nodes);
        await using var load = await StartLoadAsync();
        await using var download = await StartDownloadAsync(file);
        var dying = await lab.CarrierOfAsync(lab.OtherClient);

        await dying.KillAsync();
        await lab.SendsNoMoreToAsync(dying);
        await download.TakeAsync(file.Megabytes / 8);
        var joining = (await lab.StartNodesAsync(1, plan)).Single();
        await lab.SendsToAsync([.. nodes.Where(node => node != dying), joining]);
        await Eventually.That("the new balancer forwards", joining.Balancer.StatusAsync, status => status.Sent > 0, TimeSpan.FromSeconds(10));

        await LostNothingAsync(load, download, file);
    }

    /// <summary>Between the two changes the balancers choose differently; flows that they know keep their backend.</summary>
    [Fact]
    public async Task Balancers_that_learn_of_a_backend_one_after_the_other_break_nothing()
    {
        var file = await lab.FileAsync(SuiteSize.DownloadOverFailover);
        var (fewer, more) = (lab.PlanFor(lab.A), lab.PlanFor(lab.A, lab.B));
        var nodes = await lab.StartNodesAsync(2, fewer);
        await lab.SendsToAsync(nodes);
        await using var load = await StartLoadAsync();
        await using var download = await StartDownloadAsync(file);

        foreach (var plan in new[] { more, fewer })
            foreach (var node in nodes)
            {
                await node.Balancer.ReloadAsync(plan);
                await download.TakeAsync(file.Megabytes / 16);
            }

        await LostNothingAsync(load, download, file);
    }

    /// <summary>The servers have the shared address too: a reply to it would get to nobody.</summary>
    [Fact]
    public async Task Replies_in_mode_nat_return_to_the_balancer_that_has_the_flow()
    {
        var nodes = await lab.StartNodesAsync(2, lab.NatPlanFor("interface", lab.A, lab.B));
        await lab.SendsToAsync(nodes);

        await using var load = await StartLoadAsync();
        foreach (var node in nodes)
            await Eventually.That($"{node.Name} forwards", node.Balancer.StatusAsync, status => status.Sent > 500, TimeSpan.FromSeconds(30));

        (await load.StopAsync()).LostNothing();
    }

    [Collection<OverEcmp>]
    public sealed class OverIPv4(TheEcmpLab lab) : ARouterSpreadsFlows(lab, Family.IPv4);

    [Collection<OverEcmp>]
    public sealed class OverIPv6(TheEcmpLab lab) : ARouterSpreadsFlows(lab, Family.IPv6);
}
