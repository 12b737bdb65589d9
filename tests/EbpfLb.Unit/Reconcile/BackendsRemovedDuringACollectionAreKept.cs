using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using EbpfLb.Abi;
using EbpfLb.Datapath;
using EbpfLb.Events;
using EbpfLb.Hosting;
using EbpfLb.Metrics;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using static EbpfLb.Unit.Snapshots;

namespace EbpfLb.Unit.Reconcile;

/// <summary>
/// A backend that leaves during a collection may have got a flow that the collection did not count. It is forgotten
/// only after a collection that started later.
/// </summary>
public sealed class BackendsRemovedDuringACollectionAreKept
{
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    static readonly BackendSnapshot A = new(IPAddress.Parse("10.9.0.11"), 80, 1, "a");
    static readonly BackendSnapshot B = new(IPAddress.Parse("10.9.0.12"), 80, 1, "b");

    readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_backend_that_leaves_during_a_collection_waits_for_the_next()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        using var attached = machine.Inside(() => Machine.Start(Machine.Defaults));
        using var interfaces = machine.Inside(() => new BalancedInterfaces(
            Machine.Defaults, _time, NullLogger<BalancedInterfaces>.Instance));
        var metrics = new LoopMetrics(_time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        await using var snapshots = Snapshots(stop.Token).GetAsyncEnumerator(stop.Token);
        using var reporter = new FlowReporter(
            attached.Tables.Events, new(attached.Tables, perSecond: 0, _time), new EventLines(TextWriter.Null, _ => "web"), "ready", NullLogger<FlowReporter>.Instance);

        var loop = new ControlLoop(Machine.Defaults, attached, interfaces, metrics, _time, NullLoggerFactory.Instance)
            .RunAsync([Web(A, B)], [IPAddress.Parse("10.9.0.1")], snapshots, reporter, stop);

        await Eventually.That("a collection has ended", () => Collections(metrics), collections => collections >= 1);
        await Eventually.That("B drains", () => StateOf(attached, B), state => state == LbBackendState.Draining);
        _time.Advance(Pause);
        await Eventually.That("B is forgotten", () => StateOf(attached, B), state => state is null);
        Assert.Equal(2, Collections(metrics));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loop);
        machine.Inside(attached.Detach);
    }

    /// <summary>The second snapshot arrives while a collection starts: no time passes until it is in the tables.</summary>
    async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> Snapshots(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return [Web(A, B)];
        _time.Advance(Pause);
        yield return [Web(A)];
        await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
    }

    static LbBackendState? StateOf(AttachedDatapath attached, BackendSnapshot backend) => KernelState.Read(attached.Tables)
        .Backends.Values.Where(held => held.EndPoint.Address.Equals(backend.Address))
        .Select(held => (LbBackendState?)held.State).SingleOrDefault();

    /// <summary>The number of finished collections, read from the metrics.</summary>
    static int Collections(LoopMetrics metrics)
    {
        using var text = new MemoryStream();
        metrics.Registry.CollectAndExportAsTextAsync(text).GetAwaiter().GetResult();
        var line = Encoding.UTF8.GetString(text.ToArray()).Split('\n')
            .Single(line => line.StartsWith("ebpf_lb_sweep_duration_seconds_count ", StringComparison.Ordinal));
        return int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }
}
