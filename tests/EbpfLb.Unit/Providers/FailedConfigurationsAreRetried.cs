using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using EbpfLb.Configuration;
using EbpfLb.Providers;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Configuration;

namespace EbpfLb.Unit.Providers;

/// <summary>A changed configuration whose backends cannot be found is told of once, and looked at again until they can.</summary>
public sealed class FailedConfigurationsAreRetried : IAsyncDisposable
{
    const string Refused = "Error: applying the new configuration failed, nothing changes yet: there is no such name. "
        + "Retrying.";
    const string Taken = "Information: the new configuration is applied";
    static readonly LoadBalancerConfiguration First = For(":80"), Second = For(":81"), Third = For(":82");

    readonly WaitingClock _time = new(TimeSpan.FromMilliseconds(500));
    readonly CancellationTokenSource _stop = new();
    readonly Channel<LoadBalancerConfiguration> _changes = Channel.CreateUnbounded<LoadBalancerConfiguration>();
    readonly Journal<DynamicConfiguration> _journal = new();
    readonly IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> _services;
    int _attempts;
    int _failures = int.MaxValue;

    public FailedConfigurationsAreRetried() => _services = new DynamicConfiguration(FollowAsync, _time, _journal)
        .WatchAsync(First, _changes.Reader.ReadAllAsync(), _stop.Token).GetAsyncEnumerator();

    [Fact]
    public async Task Until_it_can_be_applied()
    {
        await Next();
        _failures = 6;

        _changes.Writer.TryWrite(Second);

        Assert.Equal(Second.Services[0].Listen, await Next());
        Assert.Equal(7, _attempts);
        Assert.InRange(_time.Elapsed, TimeSpan.FromSeconds(5), TimeSpan.MaxValue);
        Assert.Equal([Refused, Taken], _journal.Lines);
    }

    [Fact]
    public async Task Forever_at_growing_intervals()
    {
        await Next();

        _changes.Writer.TryWrite(Second);
        var next = Next();
        await _time.UntilAsync(() => Volatile.Read(ref _attempts) > 20);

        Assert.InRange(_time.Elapsed, TimeSpan.FromMinutes(2), TimeSpan.MaxValue);
        Assert.Equal([Refused], _journal.Lines);
        Assert.False(next.IsCompleted);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public async Task Until_another_one_comes()
    {
        await Next();
        _changes.Writer.TryWrite(Second);
        var next = Next();
        await _time.UntilAsync(() => Volatile.Read(ref _attempts) > 2);

        _changes.Writer.TryWrite(Third);

        Assert.Equal(Third.Services[0].Listen, await next);
        var attempts = _attempts;
        var (later, pauses) = (_time.Elapsed + TimeSpan.FromMinutes(2), 0);
        await _time.UntilAsync(() => ++pauses > 100 && _time.Elapsed > later);
        Assert.Equal(attempts, _attempts);
        Assert.Equal([Refused, Taken], _journal.Lines);
    }

    [Fact]
    public async Task And_a_repeated_request_is_logged_again()
    {
        await Next();
        _changes.Writer.TryWrite(Second);
        var next = Next();
        await _time.UntilAsync(() => _journal.Lines.Length == 1);

        _changes.Writer.TryWrite(Second);
        await _time.UntilAsync(() => _journal.Lines.Length == 2);

        Assert.Equal([Refused, Refused], _journal.Lines);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _services.DisposeAsync();
        _stop.Dispose();
    }

    static LoadBalancerConfiguration For(string listen) => Given.GoodFlagsBut(listen: listen).Configuration!;

    async Task<ListenEndpoint> Next()
    {
        Assert.True(await _time.UntilAsync(_services.MoveNextAsync().AsTask()));
        return Assert.Single(_services.Current).Listen;
    }

    /// <summary>The second configuration has backends that are not found as yet.</summary>
    async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> FollowAsync(
        LoadBalancerConfiguration configuration, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.Yield();
        if (configuration == Second && Interlocked.Increment(ref _attempts) <= _failures)
            throw new LoadBalancerException("there is no such name.");
        yield return [new(configuration.Services[0], [])];
        await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
    }
}
