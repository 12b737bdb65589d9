using System.Collections.Immutable;
using System.Net;
using EbpfLb.Events;
using EbpfLb.Hosting;
using EbpfLb.Metrics;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Reconcile;

/// <summary>An interface may go at any moment, also between the first filling of the tables and the loop that keeps them.</summary>
public sealed class ControlLoopSurvivesALostInterface
{
    [Fact]
    public async Task That_goes_before_the_first_pass()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        using var attached = machine.Inside(() => Machine.Start(Machine.Defaults));
        using var interfaces = machine.Inside(() => new BalancedInterfaces(
            Machine.Defaults, TimeProvider.System, NullLogger<BalancedInterfaces>.Instance));
        using var reporter = new FlowReporter(
            attached.Tables.Events, new(attached.Tables, perSecond: 0, TimeProvider.System), new EventLines(TextWriter.Null, attached.ServiceName), "ready", NullLogger<FlowReporter>.Instance);
        using var stop = new CancellationTokenSource();
        machine.Unplug(Machine.Interface);

        var loop = machine.Inside(() => new ControlLoop(
                Machine.Defaults, attached, interfaces, new LoopMetrics(TimeProvider.System), TimeProvider.System, NullLoggerFactory.Instance)
            .RunAsync([], [IPAddress.Parse("10.9.0.1")], Nothing(stop.Token).GetAsyncEnumerator(stop.Token), reporter, stop));

        Assert.False(loop.IsCompleted, $"{loop.Exception}");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loop);
    }

    static async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> Nothing(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var never = new TaskCompletionSource();
        await never.Task.WaitAsync(cancellation);
        yield break;
    }
}
