using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.E2E.Specs;

/// <summary>Its file may be changed at any time: whole or not at all, and at no connection's cost.</summary>
public abstract class ReloadsLoseNothing(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Ten_reloads_some_of_them_invalid_cost_no_request()
    {
        var balancer = await Lab.BalanceAsync(InFile(Lab.A, Lab.B));
        await using var connection = await Lab.Client.ConnectAsync(balancer, fromPort: 20011);
        var kept = (await connection.GetAsync("/before")).Server;
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        for (var reload = 0; reload < 3; reload++)
        {
            await balancer.ReloadAsync(InFile(Lab.B, Lab.C));
            await balancer.ReloadAsync(InFile() with { Configuration = "services: nonsense" });
            await balancer.ReloadAsync(InFile(Lab.A, Lab.B, Lab.C));
        }
        await balancer.ReloadAsync(InFile(Lab.C));
        Assert.Equal(kept, (await connection.GetAsync("/after")).Server);
        await Eventually.That("the new backend alone answers", () => Lab.Client.GetAsync(balancer, times: 3),
            answers => answers.All(answer => answer.Server == Lab.C.Name), Soon);
        var tally = await load.StopAsync();

        tally.LostNothing();
    }

    [Fact]
    public async Task A_renamed_service_loses_no_request_and_keeps_its_connections()
    {
        var service = Service.Web(Lab.A, Lab.B) with { Drain = "10m" };
        var balancer = await Lab.BalanceAsync(new BalancerPlan(service) { StandsInFile = true });
        await using var connection = await Lab.Client.ConnectAsync(balancer, fromPort: 20012);
        var kept = (await connection.GetAsync("/before")).Server;
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        for (var reload = 0; reload < 10; reload++)
            await balancer.ReloadAsync(new BalancerPlan(service with { Name = $"shop-{reload}" }) { StandsInFile = true });
        Assert.Equal(kept, (await connection.GetAsync("/after")).Server);
        var tally = await load.StopAsync();

        tally.LostNothing();
        var named = Assert.Single((await balancer.StatusAsync()).Services);
        Assert.Equal("shop-9", named.Name);
        Assert.InRange(named.Traffic.Opened, tally.Connections + 1, long.MaxValue); // also those of its former names
    }

    [Fact]
    public async Task A_changed_file_is_reloaded_without_a_signal()
    {
        var balancer = await Lab.BalanceAsync(InFile(Lab.A));

        await balancer.ChangeFileAsync(InFile(Lab.B));

        await Eventually.That("the new backend answers", () => Lab.Client.GetAsync(balancer),
            answer => answer.Server == Lab.B.Name, Soon);
    }

    [Fact]
    public async Task A_change_that_cannot_be_applied_is_explained_and_changes_nothing()
    {
        var balancer = await Lab.BalanceAsync(InFile(Lab.A));

        await balancer.ReloadAsync(new BalancerPlan(Service.Web(Lab.B) with { Port = 70000 }) { StandsInFile = true });
        await balancer.ReloadAsync(InFile(Lab.B) with { Flows = 4000 });
        await balancer.ReloadAsync(new BalancerPlan(Service.OfNobody) { StandsInFile = true });

        Assert.Collection((await balancer.ReloadsAsync()).Distinct(),
            told => Assert.Contains("70000", told, StringComparison.Ordinal),
            told => Assert.Contains("flows cannot change while running", told, StringComparison.Ordinal),
            told => Assert.Contains("nobody.invalid", told, StringComparison.Ordinal));
        Assert.Equal(Lab.A.Name, (await Lab.Client.GetAsync(balancer)).Server);
    }

    [Fact]
    public async Task A_service_on_the_interfaces_address_takes_precedence_over_self()
    {
        var balancer = await Lab.BalanceAsync(InFile(Lab.A));

        var other = Service.Web(Lab.C) with { Name = "other", By = Lab.Host };
        await balancer.ReloadAsync(new BalancerPlan(Service.Web(Lab.B), other) { StandsInFile = true });

        Assert.Contains("the new configuration is applied", await balancer.ReloadsAsync());
        await Eventually.That("the service that names the address answers", () => Lab.Client.GetAsync(balancer),
            answer => answer.Server == Lab.C.Name, Soon);
    }

    /// <summary>With more time to drain than a spec takes: connections to backends that leave go on.</summary>
    static BalancerPlan InFile(params Backend[] backends) =>
        new(Service.Web(backends) with { Drain = "10m" }) { StandsInFile = true };

    /// <summary>On one hook: a change is read and put into the tables by the runner; the programs are not touched.</summary>
    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : ReloadsLoseNothing(lab);
}
