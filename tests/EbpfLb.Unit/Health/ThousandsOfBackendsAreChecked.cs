using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Reconcile;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Health;

/// <summary>A backend under check costs a timer, not a thread.</summary>
public sealed class ThousandsOfBackendsAreChecked
{
    const int Backends = 2000;
    const int MaxNewThreads = 200; // for all that the test host does beside
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Two_thousand_that_answer_are_up()
    {
        await using var server = new LoopbackServer();

        await WatchUntil(server, new(), BackendHealth.Up);
    }

    [Fact]
    public async Task Two_thousand_that_hang_are_down_though_not_all_are_checked_at_a_time()
    {
        await using var server = new LoopbackServer();

        var most = await WatchUntil(server, new() { Path = "/", Fall = 1 }, BackendHealth.Down);

        Assert.InRange(most, 100, HealthProber.MaxConcurrent);
    }

    /// <returns>How many were checked at a time, at most.</returns>
    static async Task<int> WatchUntil(LoopbackServer server, HealthConfiguration how, BackendHealth health)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        using var network = new NetworkCheck(TimeProvider.System);
        var check = new Counted(network);
        using var self = Process.GetCurrentProcess();
        var threads = self.Threads.Count;
        var service = Snapshots.Web(
            Enumerable.Range(1, Backends).Select(port => new BackendSnapshot(server.EndPoint.Address, (ushort)port, 1, "b")))
            .With(web => web with
            {
                Health = how with { Port = (ushort)server.EndPoint.Port, Every = TimeSpan.FromSeconds(5), Timeout = TimeSpan.FromSeconds(1) },
            });
        var watch = new HealthMonitor(check, TimeProvider.System, NullLogger<HealthMonitor>.Instance);

        await foreach (var judged in watch.WatchAsync(Once([service]), deadline.Token))
        {
            if (judged[0].Backends.All(backend => backend.Health == health))
                break;
        }

        self.Refresh();
        Assert.True(self.Threads.Count - threads <= MaxNewThreads, $"{threads} threads became {self.Threads.Count}");
        return check.Most;
    }

    static async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> Once(ImmutableArray<ServiceSnapshot> services)
    {
        await Task.Yield();
        yield return services;
    }

    /// <summary>Counts checks that are under way.</summary>
    sealed class Counted(IHealthCheck check) : IHealthCheck
    {
        readonly Lock _counting = new();
        int _now;

        public int Most { get; private set; }

        public async ValueTask<CheckOutcome> RunAsync(IPEndPoint at, HealthConfiguration how, CancellationToken cancellation)
        {
            lock (_counting)
                Most = Math.Max(Most, ++_now);
            try
            {
                return await check.RunAsync(at, how, cancellation);
            }
            finally
            {
                lock (_counting)
                    _now--;
            }
        }
    }
}
