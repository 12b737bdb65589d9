using EbpfLb.Lab;
using EbpfLb.Lab.Clusters;

namespace EbpfLb.E2E.Specs;

/// <summary>Two balancers share an address by VRRP. Whatever dies, no request fails and no download breaks off.</summary>
public abstract class AnAddressMovesByVrrp(VrrpLab lab, Family family) : ClusterSpec(lab, family)
{
    const int Low = 100, High = 150; // priorities

    [Fact]
    public async Task The_death_of_a_balancer_and_its_return_fail_no_request()
    {
        var (plan, file) = (lab.PlanFor(lab.A, lab.B), await lab.FileAsync(SuiteSize.DownloadOverFailover));
        var (first, second) = await StartNodesAsync(plan);
        await lab.TakesAddressAsync(first);
        await using var load = await StartLoadAsync();
        await using var download = await StartDownloadAsync(file);

        await first.Balancer.KillAsync();
        await lab.TakesAddressAsync(second);
        await download.TakeAsync(file.Megabytes / 4);
        await first.StartBalancerAsync(plan);
        await lab.TakesAddressAsync(first);

        await LostNothingAsync(load, download, file);
    }

    [Fact]
    public async Task The_death_of_a_machine_and_its_return_fail_no_request()
    {
        var (plan, file) = (lab.PlanFor(lab.A, lab.B), await lab.FileAsync(SuiteSize.DownloadOverFailover));
        var (first, second) = await StartNodesAsync(plan);
        await lab.TakesAddressAsync(first);
        await using var load = await StartLoadAsync();
        await using var download = await StartDownloadAsync(file);

        await first.KillAsync();
        await lab.TakesAddressAsync(second);
        await download.TakeAsync(file.Megabytes / 4);
        var next = await lab.StartNodeAsync(High, plan);
        await lab.TakesAddressAsync(next);

        await LostNothingAsync(load, download, file);
    }

    [Fact]
    public async Task A_withdrawing_balancer_gives_up_its_address_before_it_ends()
    {
        var (plan, file) = (lab.PlanFor(lab.A, lab.B), await lab.FileAsync(SuiteSize.DownloadOverFailover));
        var (first, second) = await StartNodesAsync(plan);
        await lab.TakesAddressAsync(first);
        await using var load = await StartLoadAsync();
        await using var download = await StartDownloadAsync(file);

        var end = first.Balancer.EndAsync();
        await lab.TakesAddressAsync(second);
        var hadEnded = end.IsCompleted;
        var ended = await end;

        Assert.False(hadEnded, "The balancer ended before its address had moved");
        Assert.True(ended.Succeeded, $"{ended}");
        await LostNothingAsync(load, download, file);
    }

    /// <summary>A service on an address that its machine does not have is served when it comes.</summary>
    [Fact]
    public async Task Only_the_machine_that_has_the_address_answers()
    {
        var plan = lab.PlanFor(lab.A, lab.B);
        var (first, second) = await StartNodesAsync(plan);
        await lab.TakesAddressAsync(first);
        await lab.LeavesAddressAsync(second);

        await using var load = await StartLoadAsync();
        await Eventually.That("the machine that has the address forwards", first.Balancer.StatusAsync, status => status.Sent > 1000, TimeSpan.FromSeconds(30));
        var tally = await load.StopAsync();

        tally.LostNothing();
        var (byFirst, bySecond) = ((await first.Balancer.StatusAsync()).Sent, (await second.Balancer.StatusAsync()).Sent);
        Assert.InRange(byFirst, tally.Requests, long.MaxValue);
        Assert.Equal(0, bySecond);
    }

    /// <summary>The first one is to have the address while it is healthy.</summary>
    async Task<(Node First, Node Second)> StartNodesAsync(BalancerPlan plan)
    {
        var nodes = await Task.WhenAll(lab.StartNodeAsync(High, plan), lab.StartNodeAsync(Low, plan));
        return (nodes[0], nodes[1]);
    }

    [Collection<OverVrrp>]
    public sealed class OverIPv4(TheVrrpLab lab) : AnAddressMovesByVrrp(lab, Family.IPv4);

    [Collection<OverVrrp>]
    public sealed class OverIPv6(TheVrrpLab lab) : AnAddressMovesByVrrp(lab, Family.IPv6);
}
