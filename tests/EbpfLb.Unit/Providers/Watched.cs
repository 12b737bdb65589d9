using System.Collections.Immutable;
using EbpfLb.Providers.Names;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Configuration;

namespace EbpfLb.Unit.Providers;

/// <summary>A resolver under watch: its clock runs only while something is waited for.</summary>
sealed class Watched : IAsyncDisposable
{
    readonly WaitingClock _time = new(TimeSpan.FromMilliseconds(100));
    readonly CancellationTokenSource _stop = new();
    readonly IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> _snapshots;
    readonly Journal<BackendResolver> _journal = new();

    /// <summary>Addresses that answers lack leave at once.</summary>
    public Watched(INameResolver names, params string[] backends)
        : this(names, TimeSpan.Zero, backends)
    {
    }

    /// <param name="hold">How long an address is kept that answers lack.</param>
    public Watched(INameResolver names, TimeSpan hold, params string[] backends)
    {
        var configuration = Given.Flags("eth0", listens: [":80"], backends: backends).Configuration! with { DnsHold = hold };
        var resolver = new BackendResolver(configuration, names, new(_time), _time, _journal);
        _snapshots = resolver.WatchAsync(_stop.Token).GetAsyncEnumerator();
    }

    public TimeSpan Elapsed => _time.Elapsed;

    public string[] Logged => _journal.Lines;

    /// <summary>The next snapshot's backends, as address:port.</summary>
    public async Task<string[]> Next()
    {
        Assert.True(await _time.UntilAsync(_snapshots.MoveNextAsync().AsTask()));
        return [.. Assert.Single(_snapshots.Current).Backends.Select(backend => $"{backend.EndPoint}")];
    }

    /// <summary>Lets time pass until the condition holds, and asserts that meanwhile no snapshot came.</summary>
    public async Task NoSnapshotUntil(Func<bool> condition)
    {
        var next = _snapshots.MoveNextAsync().AsTask();
        await _time.UntilAsync(condition);
        Assert.False(next.IsCompleted);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _snapshots.DisposeAsync();
        _stop.Dispose();
    }
}
