using System.Collections.Concurrent;
using EbpfLb.Abi;
using EbpfLb.Flows;
using EbpfLb.Native;

namespace EbpfLb.Events;

/// <summary>
/// Reports flows to an output, on its own thread. A failing output ends the reports and a stalled one loses some;
/// neither delays packets or the control loop.
/// </summary>
sealed partial class FlowReporter : IDisposable
{
    /// <summary>The number of lines that may wait for a slow output.</summary>
    internal const int QueueCapacity = 8192;

    /// <summary>How long a collection waits for the queue, once.</summary>
    static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);

    readonly BlockingCollection<Action> _queue = new(QueueCapacity);
    readonly IEventWriter _writer;
    readonly EventReader _reader;
    readonly ILogger _logger;
    readonly SuppressedEvents _suppressed;
    bool _failed;
    bool _stalled;
    int _dropped;

    /// <param name="events">The ring buffer map.</param>
    /// <param name="readyLine">The line that says the balancer is ready.</param>
    public FlowReporter(
        Fd events, SuppressedEvents suppressed, IEventWriter writer, string readyLine, ILogger<FlowReporter> logger)
    {
        _logger = logger;
        _suppressed = suppressed;
        _writer = writer;
        _queue.Add(() => writer.WriteReady(readyLine));
        _reader = new(events, WriteQueued, happened => Write(() => writer.Write(happened)));
    }

    /// <summary>Completes after disposal, or with the error that ended the reports.</summary>
    public Task Ended => _reader.Ended;

    /// <summary>Called on the collector's thread.</summary>
    public void ReportExpired(LbTuple client, LbFlow forward, LbFlow reply, FlowEnd why)
    {
        if (!_suppressed.TryTakeExpired())
            return;
        var closed = ClosedEvent.Create(client, forward, reply, why, TimeProvider.System.MonotonicNs());
        _stalled = !_queue.TryAdd(() => _writer.WriteEnded(closed, why), _stalled ? TimeSpan.Zero : MaxWait);
        if (_stalled)
            Interlocked.Increment(ref _dropped);
    }

    public void Dispose() => _reader.Dispose();

    void WriteQueued()
    {
        for (var left = 2 * QueueCapacity; left > 0 && _queue.TryTake(out var write); left--)
            Write(write);
        if (_suppressed.TakeSummary() is { } summary)
            Write(() => _writer.WriteSuppressed(summary));
        if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var lost)
            LogEventsDropped(lost);
    }

    void Write(Action write)
    {
        if (_failed)
            return;
        try
        {
            write();
        }
        catch (IOException error)
        {
            _failed = true;
            LogEventOutputFailed(error.Message);
        }
    }

    [LoggerMessage(LogLevel.Error, "reporting flows failed: {Reason} Balancing continues.")]
    partial void LogEventOutputFailed(string reason);

    [LoggerMessage(LogLevel.Warning, "standard output is read too slowly: {Lost} ended flows were not reported")]
    partial void LogEventsDropped(int lost);
}
