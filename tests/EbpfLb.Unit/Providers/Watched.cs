using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Providers;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Providers;

/// <summary>A resolver under watch: its clock runs only while something is waited for.</summary>
sealed class Watched : IAsyncDisposable
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    readonly FakeTimeProvider _time = new();
    readonly CancellationTokenSource _stop = new();
    readonly IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> _snapshots;
    readonly Journal<BackendResolver> _journal = new();
    readonly DateTimeOffset _start;

    public Watched(INameService names, params string[] backends)
    {
        var flags = new Flags(["eth0"], null, null, [":80"], backends);
        var resolver = new BackendResolver(FlagSource.Read(flags).Configuration!, names, _time, _journal);
        _snapshots = resolver.WatchAsync(_stop.Token).GetAsyncEnumerator();
        _start = _time.GetUtcNow();
    }

    public TimeSpan Elapsed => _time.GetUtcNow() - _start;

    public string[] Logged => _journal.Lines;

    /// <summary>The next snapshot's backends, as address:port.</summary>
    public async Task<string[]> Next()
    {
        Assert.True(await Run(_snapshots.MoveNextAsync().AsTask()));
        return [.. Assert.Single(_snapshots.Current).Backends.Select(backend => $"{new IPEndPoint(backend.Address, backend.Port)}")];
    }

    /// <summary>Lets time pass until the condition holds, and asserts that meanwhile no snapshot came.</summary>
    public async Task NoSnapshotUntil(Func<bool> condition)
    {
        var next = _snapshots.MoveNextAsync().AsTask();
        await Run(Task.Run(async () =>
        {
            while (!condition())
                await Task.Yield();
        }));
        Assert.False(next.IsCompleted);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    async Task<T> Run<T>(Task<T> task)
    {
        await Run((Task)task);
        return await task;
    }

    async Task Run(Task task)
    {
        var patience = Stopwatch.StartNew();
        while (!task.IsCompleted)
        {
            Assert.True(patience.Elapsed < Deadline, "nothing happened");
            _time.Advance(Step);
            await Task.WhenAny(task, Task.Run(() => { }));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _snapshots.DisposeAsync();
        _stop.Dispose();
    }
}
