using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Health;

/// <summary>A container that is starting, or has never answered a check well, gets no flow, though there be no other that is up.</summary>
public sealed class StartingContainersAreNeverTried
{
    static readonly BackendSnapshot Old = Container("172.20.0.2"), New = Container("172.20.0.3");
    static readonly BackendSnapshot Starting = New with { Health = BackendHealth.Unknown, IsExcluded = true };

    readonly ScriptedChecks _checks = new();

    [Theory]
    [InlineData("refuse", 0)]
    [InlineData("try-all", 1)]
    public async Task If_its_own_check_has_not_passed(string policy, int shareOfOld)
    {
        _checks.Say(Old, "-");
        _checks.Say(New, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(Web(policy, Old, Starting));

        var judged = await watched.Until(service => Find(service, Old).Health == BackendHealth.Down);

        Assert.Equal([shareOfOld, 0], judged.Backends.Select(backend => backend.EffectiveWeight));
        Assert.All(watched.Seen, service => Assert.Equal(0, Find(service, New).EffectiveWeight));
        Assert.Contains(watched.Logged, line => line.StartsWith("Warning: all IPv4 backends of service 'web' are down", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("refuse")]
    [InlineData("try-all")]
    public async Task If_it_is_alone_until_its_first_successful_check(string policy)
    {
        _checks.Say(Old, "+");
        _checks.Say(New, "0"); // nobody knows
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(Web(policy, Old));
        await watched.Until(service => Find(service, Old).Health == BackendHealth.Up);

        await watched.ProvideAsync(Web(policy, New));
        var unknown = watched.Seen[^1];
        _checks.Say(New, "-");
        var down = await watched.Until(service => Find(service, New).Health == BackendHealth.Down);
        _checks.Say(New, "+");
        var up = await watched.Until(service => Find(service, New).Health == BackendHealth.Up);

        Assert.Equal(BackendHealth.Unknown, Find(unknown, New).Health);
        Assert.Equal([0, 0, 1], new[] { unknown, down, up }.Select(service => Find(service, New).EffectiveWeight));
    }

    [Fact]
    public async Task But_a_backend_that_was_healthy_once_is_tried()
    {
        _checks.Say(Old, "+");
        _checks.Say(New, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(Web("try-all", Old));
        await watched.Until(service => Find(service, Old).Health == BackendHealth.Up);
        await watched.ProvideAsync(Web("try-all", Old, New));
        await watched.Until(service => service.Backends.Length == 2 && Find(service, New).Health == BackendHealth.Up);

        _checks.Say(Old, "-");
        _checks.Say(New, "-");
        var judged = await watched.Until(service => service.Backends.All(backend => backend.Health == BackendHealth.Down));

        Assert.Equal([1, 1], judged.Backends.Select(backend => backend.EffectiveWeight));
    }

    static ServiceSnapshot Web(string policy, params BackendSnapshot[] backends) => WatchedHealth.Web(backends).With(web => web with
    {
        Health = new() { WhenAllDown = ConfigNames.AllDown.Parse(policy).Value },
    });

    static BackendSnapshot Container(string address) => new(IPAddress.Parse(address), 80, 1, address) { RequiresHealthyCheck = true };

    static BackendSnapshot Find(ServiceSnapshot service, BackendSnapshot backend) =>
        service.Backends.Single(judged => judged.Address.Equals(backend.Address));
}
