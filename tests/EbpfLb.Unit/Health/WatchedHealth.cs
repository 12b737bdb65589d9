using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Health;

/// <summary>Health checks under watch: their clock runs only while something is waited for.</summary>
sealed class WatchedHealth : IAsyncDisposable
{
    readonly WaitingClock _time = new(TimeSpan.FromMilliseconds(100));
    readonly CancellationTokenSource _stop = new();
    readonly Channel<ImmutableArray<ServiceSnapshot>> _provided = Channel.CreateUnbounded<ImmutableArray<ServiceSnapshot>>();
    readonly List<ServiceSnapshot> _seen = [];
    readonly Journal<HealthMonitor> _journal = new();
    readonly HeldChecks _checks;
    readonly Task _watching;

    /// <param name="checks">What checks find.</param>
    /// <param name="down">Backends that were down when a former process ended.</param>
    public WatchedHealth(IHealthCheck checks, params CheckedBackend[] down)
    {
        _checks = new HeldChecks(checks);
        var services = new HealthMonitor(_checks, _time, _journal, down.ToHashSet()).WatchAsync(_provided.Reader.ReadAllAsync(), _stop.Token);
        _watching = Task.Run(async () =>
        {
            await foreach (var judged in services)
            {
                lock (_seen)
                    _seen.AddRange(judged);
            }
        });
    }

    /// <summary>The service, each time that it was judged.</summary>
    public ServiceSnapshot[] Seen
    {
        get
        {
            lock (_seen)
                return [.. _seen];
        }
    }

    public string[] Logged => _journal.Lines;

    /// <summary>A web service, checked over TCP.</summary>
    public static ServiceSnapshot Web(params BackendSnapshot[] backends) =>
        Snapshots.Web(backends).With(web => web with { Health = new() });

    /// <summary>
    /// Has the provider desire this service, and waits until it was judged. Meanwhile no time passes, and no check ends.
    /// </summary>
    public async Task ProvideAsync(ServiceSnapshot service)
    {
        var before = Seen.Length;
        using var held = _checks.Hold();
        _provided.Writer.TryWrite([service]);
        await _time.StandUntilAsync(OrFails(() => Seen.Skip(before).Any(judged => judged.Health == service.Health
            && judged.Backends.Select(backend => backend.Address).SequenceEqual(service.Backends.Select(backend => backend.Address)))));
    }

    /// <summary>Lets time pass until the service is as it is waited for, and returns it.</summary>
    public async Task<ServiceSnapshot> Until(Predicate<ServiceSnapshot> isSo)
    {
        await Run(() => Seen is [.., var latest] && isSo(latest));
        return Seen[^1];
    }

    /// <summary>Lets time pass until something has happened.</summary>
    public Task Run(Func<bool> hasHappened) => _time.UntilAsync(OrFails(hasHappened));

    /// <summary>A fault of what is watched ends the waiting.</summary>
    Func<bool> OrFails(Func<bool> hasHappened) => () =>
    {
        if (hasHappened())
            return true;
        if (_watching.IsCompleted)
            _watching.GetAwaiter().GetResult();
        return false;
    };

    /// <summary>Checks that end only while nobody holds them.</summary>
    sealed class HeldChecks(IHealthCheck checks) : IHealthCheck
    {
        volatile TaskCompletionSource _release = Released();

        /// <summary>Holds all checks, until it is disposed.</summary>
        public IDisposable Hold()
        {
            _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return new Holding(_release);
        }

        public async ValueTask<CheckOutcome> RunAsync(IPEndPoint at, HealthConfiguration how, CancellationToken cancellation)
        {
            await _release.Task.WaitAsync(cancellation);
            return await checks.RunAsync(at, how, cancellation);
        }

        static TaskCompletionSource Released()
        {
            var released = new TaskCompletionSource();
            released.SetResult();
            return released;
        }

        sealed class Holding(TaskCompletionSource release) : IDisposable
        {
            public void Dispose() => release.SetResult();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching.ContinueWith(_ => { }, TaskScheduler.Default); // cancelled, or its fault was met above
        _stop.Dispose();
    }
}
