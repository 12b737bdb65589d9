using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Health;

/// <summary>What providers give passes through the checks: what is down takes no new flow, and comes back when it is up.</summary>
public sealed class DownBackendsReceiveNoNewFlow
{
    static readonly BackendSnapshot A = Backend("172.20.0.2"), B = Backend("172.20.0.3");
    static readonly BackendSnapshot Six = Backend("2001:db8::2");

    readonly ScriptedChecks _checks = new();

    [Fact]
    public async Task A_backend_that_falls_is_excluded_until_it_rises()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => Find(service, B).Health == BackendHealth.Up);

        _checks.Say(B, "-");
        await watched.Until(service => Find(service, B).Health == BackendHealth.Down);
        _checks.Say(B, "+");
        await watched.Until(service => Find(service, B).Health == BackendHealth.Up);

        Assert.Equal(
            [BackendHealth.Unknown, BackendHealth.Up, BackendHealth.Down, BackendHealth.Up],
            Distinct(watched.Seen.Select(service => Find(service, B).Health)));
        Assert.All(watched.Seen, service => Assert.Equal(Find(service, B).Health == BackendHealth.Down, Find(service, B).IsExcluded));
        Assert.Equal(
            [
                "Warning: backend 172.20.0.3:80 of service 'web' is down: 3 checks in a row failed, the last: no answer",
                "Information: backend 172.20.0.3:80 of service 'web' is up",
            ],
            watched.Logged);
    }

    [Fact]
    public async Task A_backend_that_its_provider_excludes_stays_excluded_while_healthy()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "+");
        var paused = B with { Health = BackendHealth.Down, IsExcluded = true };
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, paused));

        await watched.Until(service => Find(service, A).Health == BackendHealth.Up);

        Assert.All(watched.Seen, service => Assert.Equal(paused, Find(service, B)));
    }

    [Fact]
    public async Task All_down_by_the_provider_alone_is_reported()
    {
        await using var watched = new WatchedHealth(_checks);

        await watched.ProvideAsync(WatchedHealth.Web(A with { Health = BackendHealth.Down, IsExcluded = true }).With(service => service with { Health = null }));

        Assert.Equal(["Warning: all IPv4 backends of service 'web' are down: new flows are refused"], watched.Logged);
    }

    [Fact]
    public async Task At_the_start_all_count_as_up_until_their_checks_decide()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "-");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B));

        await watched.Until(service => Find(service, B).Health == BackendHealth.Down);

        Assert.Equal((BackendHealth.Unknown, false), (Find(watched.Seen[0], B).Health, Find(watched.Seen[0], B).IsExcluded));
        Assert.Equal([1, 0], Distinct(watched.Seen.Select(service => Find(service, B).EffectiveWeight)));
        Assert.All(watched.Seen, service => Assert.Equal(1, Find(service, A).EffectiveWeight));
    }

    [Fact]
    public async Task A_later_backend_takes_flows_after_its_first_successful_check()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "-+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A));
        await watched.Until(service => Find(service, A).Health == BackendHealth.Up);

        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => service.Backends.Length == 2 && Find(service, B).Health == BackendHealth.Up);

        var since = watched.Seen.Where(service => service.Backends.Length == 2).Select(service => Find(service, B)).ToArray();
        Assert.Equal([(BackendHealth.Unknown, 0), (BackendHealth.Up, 1)], Distinct(since.Select(backend => (backend.Health, backend.EffectiveWeight))));
        Assert.Equal(["Information: backend 172.20.0.3:80 of service 'web' is up"], watched.Logged);
    }

    [Fact]
    public async Task A_backend_that_replaces_all_others_takes_flows_at_once()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A));
        await watched.Until(service => Find(service, A).Health == BackendHealth.Up);

        await watched.ProvideAsync(WatchedHealth.Web(B));
        await watched.Until(service => service.Backends is [{ Health: BackendHealth.Up } only] && only.Address.Equals(B.Address));

        Assert.All(watched.Seen, service => Assert.Contains(service.Backends, backend => backend.EffectiveWeight > 0));
    }

    [Fact]
    public async Task An_added_check_empties_no_service()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "0");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B).With(service => service with { Health = null }));
        await watched.Until(service => Find(service, B).Health == BackendHealth.Unchecked);

        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => Find(service, A).Health == BackendHealth.Up);
        _checks.Say(B, "-");
        await watched.Until(service => Find(service, B).Health == BackendHealth.Down);

        Assert.All(watched.Seen.Where(service => Find(service, B).Health != BackendHealth.Down),
            service => Assert.Equal(1, Find(service, B).EffectiveWeight));
    }

    [Fact]
    public async Task A_changed_check_keeps_the_known_state()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "-");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => Find(service, B).Health == BackendHealth.Down);

        await watched.ProvideAsync(WatchedHealth.Web(A, B).With(service => service with { Health = new() { Every = TimeSpan.FromSeconds(9) } }));
        var made = _checks.MadeOf(B);
        await watched.Run(() => _checks.MadeOf(B) > made + 3);

        Assert.Single(watched.Logged);
        Assert.Equal(BackendHealth.Down, Find(watched.Seen[^1], B).Health);
    }

    [Fact]
    public async Task A_removed_backend_is_no_longer_checked()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => Find(service, B).Health == BackendHealth.Up);

        await watched.ProvideAsync(WatchedHealth.Web(A));
        await watched.Until(service => service.Backends.Length == 1);
        var (madeOfA, madeOfB) = (_checks.MadeOf(A), _checks.MadeOf(B));
        await watched.Run(() => _checks.MadeOf(A) > madeOfA + 10);

        Assert.InRange(_checks.MadeOf(B), madeOfB, madeOfB + 1); // one may have been under way
    }

    [Theory]
    [InlineData("refuse", "are refused")]
    [InlineData("try-all", "go to all of them")]
    public async Task If_all_are_down_the_services_policy_decides(string policy, string what)
    {
        var choice = ConfigNames.AllDown.Parse(policy).Value;
        _checks.Say(A, "-");
        _checks.Say(B, "-");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B).With(service => service with { Health = new() { WhenAllDown = choice } }));

        var down = await watched.Until(service => service.Backends.All(backend => backend.Health == BackendHealth.Down));
        Assert.All(down.Backends, backend => Assert.Equal(choice == AllDownPolicy.TryAll ? 1 : 0, backend.EffectiveWeight));

        _checks.Say(B, "+");
        var half = await watched.Until(service => Find(service, B).Health == BackendHealth.Up);
        Assert.Equal([0, 1], half.Backends.Select(backend => backend.EffectiveWeight));
        Assert.Contains($"Warning: all IPv4 backends of service 'web' are down: new flows {what}", watched.Logged);
        Assert.Contains("Information: the IPv4 backends of service 'web' are no longer all down", watched.Logged);
    }

    [Fact]
    public async Task A_family_without_backends_is_not_reported_as_up()
    {
        _checks.Say(A, "-");
        _checks.Say(Six, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, Six).With(service => service with { Health = new() }));
        await watched.Until(service => Find(service, A).Health == BackendHealth.Down);

        await watched.ProvideAsync(WatchedHealth.Web(Six).With(service => service with { Health = new() }));
        await watched.Until(service => service.Backends.Length == 1);

        Assert.DoesNotContain(watched.Logged, line => line.Contains("no longer all down", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_family_is_judged_by_itself()
    {
        _checks.Say(A, "-");
        _checks.Say(Six, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, Six).With(service => service with { Health = new() { WhenAllDown = AllDownPolicy.TryAll } }));

        var judged = await watched.Until(service => Find(service, A).Health == BackendHealth.Down);

        Assert.Equal([1, 1], judged.Backends.Select(backend => backend.EffectiveWeight));
        Assert.Contains(watched.Logged, line => line.Contains("all IPv4 backends", StringComparison.Ordinal));
    }

    /// <summary>A container has addresses of both families; the service may listen on one of them.</summary>
    [Theory]
    [InlineData("nat", false)]
    [InlineData("dsr", false)]
    [InlineData("tunnel", true)]
    public async Task A_backend_that_the_services_address_cannot_reach_is_neither_checked_nor_reported(string mode, bool reaches)
    {
        _checks.Say(A, "-");
        _checks.Say(Six, "-");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, Six).With(service => service with
        {
            Listen = new(IPAddress.Parse("10.0.0.5"), 80, TransportProtocol.Tcp),
            Mode = ConfigNames.Modes.Parse(mode).Value,
        }));

        await watched.Until(service => Find(service, A).Health == BackendHealth.Down
            && (!reaches || Find(service, Six).Health == BackendHealth.Down));

        Assert.Equal(reaches ? BackendHealth.Down : BackendHealth.Unchecked, Find(watched.Seen[^1], Six).Health);
        Assert.Contains(watched.Logged, line => line.Contains("all IPv4 backends", StringComparison.Ordinal));
        Assert.Equal(reaches, watched.Logged.Any(line => line.Contains("all IPv6 backends", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_backend_of_weight_zero_takes_no_flow_however_healthy()
    {
        var zero = B with { Weight = 0 };
        _checks.Say(A, "-");
        _checks.Say(zero, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, zero).With(service => service with { Health = new() { WhenAllDown = AllDownPolicy.TryAll } }));

        var judged = await watched.Until(service => Find(service, A).Health == BackendHealth.Down);

        Assert.Equal([1, 0], judged.Backends.Select(backend => backend.EffectiveWeight));
    }

    [Fact]
    public async Task A_check_that_could_not_be_made_says_nothing_of_the_backend()
    {
        _checks.Say(A, "+");
        _checks.Say(B, "+");
        await using var watched = new WatchedHealth(_checks);
        await watched.ProvideAsync(WatchedHealth.Web(A, B));
        await watched.Until(service => Find(service, B).Health == BackendHealth.Up);

        _checks.Say(B, "--00000000-");
        await watched.Run(() => _checks.MadeOf(B) >= 10);
        Assert.Equal(BackendHealth.Up, Find(watched.Seen[^1], B).Health);

        await watched.Until(service => Find(service, B).Health == BackendHealth.Down);

        Assert.Contains("Warning: checking backend 172.20.0.3:80 of service 'web' failed locally: no port is left. "
            + "Its health is unchanged.", watched.Logged);
    }

    [Fact]
    public async Task A_service_without_checks_is_unchanged()
    {
        await using var watched = new WatchedHealth(_checks);
        var service = WatchedHealth.Web(A, B).With(service => service with { Health = null });
        await watched.ProvideAsync(service);

        Assert.Equal(service, await watched.Until(_ => true));
    }

    [Fact]
    public async Task A_fault_of_the_checks_themselves_is_not_hidden()
    {
        await using var watched = new WatchedHealth(_checks);

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await watched.ProvideAsync(WatchedHealth.Web(A));
            await watched.Run(() => false);
        });

        Assert.Equal("nobody said how 172.20.0.2:80 is", fault.Message);
    }

    static BackendSnapshot Backend(string address) => new(IPAddress.Parse(address), 80, 1, address);

    static BackendSnapshot Find(ServiceSnapshot service, BackendSnapshot backend) =>
        service.Backends.Single(judged => judged.Address.Equals(backend.Address));

    /// <summary>Without repetitions in a row.</summary>
    static IEnumerable<T> Distinct<T>(IEnumerable<T> values)
    {
        var all = values.ToArray();
        return all.Where((value, i) => i == 0 || !Equals(value, all[i - 1]));
    }
}
