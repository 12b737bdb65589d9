using System.Collections.Concurrent;
using EbpfLb.Abi;
using EbpfLb.Flows;
using EbpfLb.Native;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Events;

/// <summary>
/// Writes what becomes of flows to an output, on a thread of its own. An output that fails ends the reports, and one that
/// stalls loses some: neither touches a packet, or holds up the balancing.
/// </summary>
sealed partial class FlowReporter : IDisposable
{
    /// <summary>How many lines may wait for an output that is slower than a sweep.</summary>
    internal const int QueueCapacity = 8192;

    /// <summary>How long a sweep waits for room, once.</summary>
    static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);

    readonly BlockingCollection<Action> _queue = new(QueueCapacity);
    readonly EventPrinter _printer;
    readonly EventReader _reader;
    readonly ILogger _logger;
    bool _failed;
    bool _stalled;
    int _dropped;

    /// <param name="events">The datapath's ring buffer.</param>
    /// <param name="serviceName">The name of a service id.</param>
    /// <param name="opening">A line to begin with.</param>
    /// <param name="output">Where to.</param>
    /// <param name="logger">Is told when the output fails or stalls.</param>
    public FlowReporter(
        Fd events, Func<uint, string> serviceName, string opening, TextWriter output, ILogger<FlowReporter> logger)
    {
        _logger = logger;
        _printer = new(output, serviceName);
        _queue.Add(() => output.WriteLine(opening));
        _reader = new(events, WriteQueued, happened => Write(() => _printer.Print(happened)));
    }

    /// <summary>Ends when the reporter is disposed of, or with the error that ended it.</summary>
    public Task Ended => _reader.Ended;

    /// <summary>From the thread that sweeps.</summary>
    public void ReportExpired(LbTuple client, LbFlow forward, LbFlow reply, FlowEnd why)
    {
        var closed = ClosedEvent.Create(client, forward, reply);
        _stalled = !_queue.TryAdd(() => _printer.PrintExpired(closed, why), _stalled ? TimeSpan.Zero : MaxWait);
        if (_stalled)
            Interlocked.Increment(ref _dropped);
    }

    public void Dispose() => _reader.Dispose();

    void WriteQueued()
    {
        while (_queue.TryTake(out var write))
            Write(write);
        if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var lost)
            LogDropped(lost);
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
            LogOutputFailed(error.Message);
        }
    }

    [LoggerMessage(LogLevel.Error, "flows are not reported any more: {Reason} Balancing goes on.")]
    partial void LogOutputFailed(string reason);

    [LoggerMessage(LogLevel.Warning, "standard output was not read for a while: {Lost} flows that ended meanwhile were not reported")]
    partial void LogDropped(int lost);
}
