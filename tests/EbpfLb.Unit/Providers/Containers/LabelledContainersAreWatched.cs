using EbpfLb.Providers.Containers;
using EbpfLb.Reconcile;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Providers.Containers;

/// <summary>What becomes of labelled containers becomes of their backends.</summary>
public sealed class LabelledContainersAreWatched : IAsyncDisposable
{
    const string First = "web one 172.20.0.2:80 1";
    static readonly FakeContainer One = new("one", "172.20.0.2");
    static readonly FakeContainer Other = new("other", "172.20.0.3");

    readonly FakeEngine _engine = new();

    public LabelledContainersAreWatched() => _engine.Put(One);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Containers_that_run_at_the_start_are_backends_by_name()
    {
        _engine.Put(Other with { AddressV6 = "fd00::3" });
        _engine.Put(new FakeContainer("bare", "172.20.0.9") { Labels = new Dictionary<string, string>() });
        _engine.Put(new FakeContainer("begun", "172.20.0.8") { State = "restarting" });
        await using var followed = new WatchedContainers(_engine);

        await followed.Until(First, "web other 172.20.0.3:80 1", "web other [fd00::3]:80 1");
        Assert.Empty(followed.Logged);
    }

    [Fact]
    public async Task A_started_container_joins_and_a_dead_one_leaves()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);

        _engine.Put(Other, "start");
        await followed.Until(First, "web other 172.20.0.3:80 1");
        _engine.Remove("one");
        _engine.Tell(One, "die");
        await followed.Until("web other 172.20.0.3:80 1");
    }

    [Fact]
    public async Task A_paused_container_takes_no_new_flow()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);

        _engine.Put(One with { State = "paused" }, "pause");
        await followed.Until("web one 172.20.0.2:80 1 Down, share 0");
        _engine.Put(One, "unpause");
        await followed.Until(First);
    }

    [Fact]
    public async Task An_event_that_precedes_the_engines_list_is_not_lost()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);

        _engine.Tell(One, "pause");
        var asked = _engine.Asked.Length;
        await _engine.IsAskedAsync("/containers/json", atLeast: asked + 3);
        _engine.Put(One with { State = "paused" });

        await followed.Until("web one 172.20.0.2:80 1 Down, share 0");
    }

    [Fact]
    public async Task An_unhealthy_container_takes_no_new_flow()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);

        _engine.Put(One with { Health = "unhealthy" }, "health_status: unhealthy");
        await followed.Until("web one 172.20.0.2:80 1 Down, share 0");
        _engine.Put(One with { Health = "starting" }, "start");
        await followed.Until("web one 172.20.0.2:80 1 Unknown, share 0");
        _engine.Put(One with { Health = "healthy" }, "health_status: healthy");
        await followed.Until(First);
    }

    [Fact]
    public async Task A_container_that_starts_between_two_requests_is_not_healthy_yet()
    {
        var docker = WatchedContainers.Configuration(_engine.Path).Docker!;
        using var engine = await ContainerEngine.ConnectAsync(docker, TimeProvider.System, TestContext.Current.CancellationToken);
        _engine.PutAfterNextListing(Other with { Health = "starting" });

        Assert.Equal("one", Assert.Single(await engine.ListAsync(TestContext.Current.CancellationToken)).Name);
        Assert.Equal(
            [("one", default), ("other", BackendHealth.Unknown)],
            (await engine.ListAsync(TestContext.Current.CancellationToken)).Select(found => (found.Name, found.Health)));
    }

    [Fact]
    public async Task A_container_is_found_again_after_a_change_of_network_or_name()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);

        _engine.Put(One with { Address = "172.20.0.7" });
        _engine.Send("""{ "Type": "network", "Action": "connect", "Actor": { "ID": "0a", "Attributes": { "name": "lab" } } }""");
        await followed.Until("web one 172.20.0.7:80 1");
        _engine.Remove("one");
        _engine.Put(One with { Name = "first" }, "rename");
        await followed.Until("web first 172.20.0.2:80 1");
    }

    [Fact]
    public async Task A_container_with_a_stop_signal_takes_no_new_flow_until_it_is_restarted()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);

        _engine.Tell(One, "kill", ("signal", "15"));
        await followed.Until("web one 172.20.0.2:80 0");
        _engine.Remove("one");
        _engine.Tell(One, "die");
        await followed.Until();
        _engine.Put(One, "start");
        await followed.Until(First);
    }

    [Fact]
    public async Task A_stop_signal_before_the_balancers_start_counts()
    {
        _engine.Tell(One, "kill", ("signal", "15"));
        await using var followed = new WatchedContainers(_engine);

        await followed.Until("web one 172.20.0.2:80 0");
    }

    [Fact]
    public async Task Only_a_signal_that_stops_the_container_counts()
    {
        var graceful = One with { StopSignal = "SIGQUIT" };
        _engine.Put(graceful);
        _engine.Put(Other);
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First, "web other 172.20.0.3:80 1");

        _engine.Tell(Other, "kill", ("signal", "3"));
        _engine.Tell(graceful, "kill", ("signal", "1"));
        _engine.Tell(graceful, "kill", ("signal", "3"));

        await followed.Until("web one 172.20.0.2:80 0", "web other 172.20.0.3:80 1");
    }

    [Fact]
    public async Task A_change_without_an_event_is_found_within_half_a_minute()
    {
        var time = new FakeTimeProvider();
        await using var followed = new WatchedContainers(_engine, time);
        await followed.Until(First);
        // The clock must not run while questions are on their way: they would be late.
        await _engine.IsAskedAsync("/containers/json", atLeast: 6);
        _engine.Put(Other);

        var found = followed.Until(First, "web other 172.20.0.3:80 1");
        while (!found.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(31));
            await Task.WhenAny(found, Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, TestContext.Current.CancellationToken));
        }
        await found;
    }
}
