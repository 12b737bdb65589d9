using EbpfLb.Providers.Containers;

namespace EbpfLb.Unit.Providers.Containers;

/// <summary>
/// A container that was told to stop gets no new flow until it is started again, whatever the engine has forgotten and
/// whichever follower listens to it.
/// </summary>
public sealed class TerminatingContainersAreRemembered : IAsyncDisposable
{
    const string Leaving = "web one 172.20.0.2:80 0", Back = "web one 172.20.0.2:80 1", Marker = "web other 172.20.0.3:80 1";
    static readonly FakeContainer One = new("one", "172.20.0.2");
    static readonly FakeContainer Other = new("other", "172.20.0.3");

    readonly FakeEngine _engine = new();
    readonly TerminatingContainersByEngine _terminating = new();

    public TerminatingContainersAreRemembered() => _engine.Put(One);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task If_the_stream_breaks_and_the_engine_does_not_repeat_the_event()
    {
        await using var followed = await LeaveAsync();

        _engine.ForgetThePast();
        _engine.HangUp();
        _engine.Put(Other);

        await followed.Until(Leaving, Marker);
    }

    [Fact]
    public async Task By_the_watcher_of_the_next_configuration()
    {
        await using var former = await LeaveAsync();

        _engine.ForgetThePast();
        await using var latter = new WatchedContainers(_engine, terminating: _terminating);

        Assert.Equal([Leaving], await latter.Next());
    }

    /// <summary>It may be leaving for as long as it takes to say farewell: ten minutes, and no longer.</summary>
    [Theory]
    [InlineData(9, Leaving), InlineData(11, Back)]
    public async Task Also_if_the_event_came_before_the_connection(int minutes, string seen)
    {
        _engine.Tell(One, DateTimeOffset.UtcNow.AddMinutes(-minutes), "kill", ("signal", "15"));

        await using var followed = new WatchedContainers(_engine, terminating: _terminating);
        await _engine.IsAskedAsync("/events", atLeast: 1);
        _engine.Put(Other, "start");

        await followed.Until(seen, Marker);
    }

    [Fact]
    public async Task Unless_it_was_restarted_without_an_event()
    {
        await using var followed = await LeaveAsync();

        _engine.Close();
        _engine.ForgetThePast();
        _engine.Start(One);
        _engine.Open();

        await followed.Until(Back);
    }

    [Fact]
    public async Task And_the_others_are_published_before_it_is_verified()
    {
        await using var former = await LeaveAsync();

        _engine.ForgetThePast();
        _engine.Put(Other);
        _engine.Answer($"/{One.Id}/json", "no answer that makes sense");
        await using var latter = new WatchedContainers(_engine, terminating: _terminating);

        await latter.Until(Leaving, Marker);
    }

    [Theory]
    [InlineData("start 2, kill 1", false)]
    [InlineData("kill 1, start 2, kill 1", false)]
    [InlineData("kill 1, start 2, kill 1, start 2", false)]
    [InlineData("kill 3, start 2", true)]
    [InlineData("start 2, kill 3", true)]
    [InlineData("kill 1, kill 1", true)]
    public async Task And_of_events_repeated_in_any_order_the_latest_counts(string told, bool isLeaving)
    {
        var terminating = new TerminatingContainers();

        foreach (var word in told.Split(", "))
            await terminating.ObserveAsync(Event(word[..^2], second: word[^1] - '0'), _ => throw new InvalidOperationException("not asked"));

        Assert.Equal(isLeaving, terminating.Contains("0a"));
    }

    /// <summary>The engine is asked whether the signal stops the container; events arrive meanwhile.</summary>
    [Fact]
    public async Task A_start_during_the_inspection_after_a_kill_counts()
    {
        var terminating = new TerminatingContainers();
        const int quit = 3;
        var kill = Event("kill", second: 1) with { Attributes = new Dictionary<string, string> { ["signal"] = $"{quit}" } };

        await terminating.ObserveAsync(kill, async _ =>
        {
            await terminating.ObserveAsync(Event("start", second: 2), _ => throw new InvalidOperationException("not asked"));
            return new(quit, StartedAt: null);
        });

        Assert.False(terminating.Contains("0a"));
    }

    [Fact]
    public async Task But_not_if_a_later_list_lacks_them()
    {
        var terminating = new TerminatingContainers();
        await terminating.ObserveAsync(Event("kill", second: 1), _ => throw new InvalidOperationException("not asked"));

        terminating.Prune([], before: terminating.Count - 1);
        Assert.True(terminating.Contains("0a"));
        terminating.Prune(["0a"], before: terminating.Count);
        Assert.True(terminating.Contains("0a"));
        terminating.Prune([], before: terminating.Count);
        Assert.False(terminating.Contains("0a"));
    }

    static EngineEvent Event(string action, int second) => new(
        EngineEvent.Container, action, "0a", DateTimeOffset.UnixEpoch.AddSeconds(second), new Dictionary<string, string> { ["signal"] = "15" });

    /// <summary>Somebody follows a container that is told to stop, and runs on.</summary>
    async Task<WatchedContainers> LeaveAsync()
    {
        var followed = new WatchedContainers(_engine, terminating: _terminating);
        await followed.Until(Back);
        await _engine.IsAskedAsync("/events", atLeast: 1);
        _engine.Tell(One, "kill", ("signal", "15"));
        await followed.Until(Leaving);
        return followed;
    }
}
