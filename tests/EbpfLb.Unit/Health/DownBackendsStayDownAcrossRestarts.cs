using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Health;

/// <summary>A process that takes over trusts no backend that was down when the former one ended.</summary>
public sealed class DownBackendsStayDownAcrossRestarts
{
    static readonly BackendSnapshot A = new(IPAddress.Parse("172.20.0.2"), 80, 1, "a");
    static readonly BackendSnapshot B = new(IPAddress.Parse("172.20.0.3"), 80, 1, "b");

    readonly ScriptedChecks _checks = new();

    [Fact]
    public async Task Until_its_checks_decide()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "0-+");
        await using var watched = new WatchedHealth(_checks, CheckedBackend.Create(WatchedHealth.Web(), B));
        await watched.ProvideAsync(WatchedHealth.Web(A, B));

        var up = await watched.Until(service => Find(service, B).Health != BackendHealth.Down);

        Assert.Equal((BackendHealth.Down, 0), (Find(watched.Seen[0], B).Health, Find(watched.Seen[0], B).EffectiveWeight));
        Assert.Equal((BackendHealth.Up, 1), (Find(up, B).Health, Find(up, B).EffectiveWeight));
        Assert.True(_checks.MadeOf(B) >= 4, "it takes as many good checks as for any that is down");
        Assert.All(watched.Seen, service => Assert.Equal(1, Find(service, A).EffectiveWeight));
    }

    [Fact]
    public async Task Also_in_a_renamed_service()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "-");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => Find(service, A).Health == BackendHealth.Up && Find(service, B).Health == BackendHealth.Down);

        await watched.ProvideAsync(WatchedHealth.Web(B, A).With(service => service with { Name = "shop" }));

        var shop = watched.Seen.First(service => service.Name == "shop");
        Assert.Equal((BackendHealth.Up, BackendHealth.Down), (Find(shop, A).Health, Find(shop, B).Health));
    }

    [Fact]
    public async Task But_not_if_checks_were_removed()
    {
        await using var watched = new WatchedHealth(_checks, CheckedBackend.Create(WatchedHealth.Web(), B));

        await watched.ProvideAsync(WatchedHealth.Web(A, B).With(service => service with { Health = null }));

        Assert.Equal((BackendHealth.Unchecked, 1), (Find(watched.Seen[^1], B).Health, Find(watched.Seen[^1], B).EffectiveWeight));
    }

    [Fact]
    public async Task If_all_are_down_and_tried_it_counts_as_healthy_before()
    {
        _checks.Say(B, "-");
        var container = B with { RequiresHealthyCheck = true };
        await using var watched = new WatchedHealth(_checks, CheckedBackend.Create(WatchedHealth.Web(), B));

        await watched.ProvideAsync(WatchedHealth.Web(container).With(service => service with { Health = new() { WhenAllDown = AllDownPolicy.TryAll } }));

        Assert.Equal((BackendHealth.Down, 1), (Find(watched.Seen[^1], B).Health, Find(watched.Seen[^1], B).EffectiveWeight));
    }

    [Fact]
    public async Task Nor_if_it_left_and_came_back()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "-+");
        await using var watched = new WatchedHealth(_checks, CheckedBackend.Create(WatchedHealth.Web(), B));
        await watched.ProvideAsync(WatchedHealth.Web(A));

        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => service.Backends.Length == 2 && Find(service, B).Health == BackendHealth.Up);

        Assert.DoesNotContain(watched.Seen, service => service.Backends.Any(backend => backend.Health == BackendHealth.Down));
    }

    static BackendSnapshot Find(ServiceSnapshot service, BackendSnapshot backend) =>
        service.Backends.Single(judged => judged.Address.Equals(backend.Address));
}
