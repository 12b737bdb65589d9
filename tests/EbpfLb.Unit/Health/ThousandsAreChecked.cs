using System.Collections.Immutable;
using System.Diagnostics;
using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Providers;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Health;

/// <summary>A backend under check costs a timer, not a thread.</summary>
public sealed class ThousandsAreChecked
{
    const int Backends = 2000;
    const int ThreadsAtMost = 200; // for all that the test host does beside
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Two_thousand_that_answer_are_up()
    {
        await using var server = new LoopbackServer();

        await WatchUntil(server, new(), BackendHealth.Up);

        Assert.True(server.Ports.Count >= Backends);
    }

    [Fact]
    public async Task Two_thousand_that_hang_are_down_and_never_have_more_than_so_many_sockets()
    {
        await using var server = new LoopbackServer();

        await WatchUntil(server, new() { Path = "/", Fall = 1 }, BackendHealth.Down);

        Assert.InRange(server.MostOpen, 100, 2 * 512); // those that gave up may not have been seen to close
    }

    static async Task WatchUntil(LoopbackServer server, HealthConfiguration how, BackendHealth health)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        using var check = new NetworkCheck(TimeProvider.System);
        using var self = Process.GetCurrentProcess();
        var service = new ServiceSnapshot("web", new(null, 80, TransportProtocol.Tcp),
            [.. Enumerable.Range(1, Backends).Select(port => new BackendSnapshot(server.EndPoint.Address, (ushort)port, 1, "b"))])
        {
            Health = how with { Port = (ushort)server.EndPoint.Port, Every = TimeSpan.FromSeconds(5), Timeout = TimeSpan.FromSeconds(1) },
        };
        var watch = new HealthWatch(check, TimeProvider.System, NullLogger<HealthWatch>.Instance);

        await foreach (var judged in watch.WatchAsync(Once([service]), deadline.Token))
        {
            if (judged[0].Backends.All(backend => backend.Health == health))
                break;
        }

        self.Refresh();
        Assert.InRange(self.Threads.Count, 1, ThreadsAtMost);
    }

    static async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> Once(ImmutableArray<ServiceSnapshot> services)
    {
        await Task.Yield();
        yield return services;
    }
}
