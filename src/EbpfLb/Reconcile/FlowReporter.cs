using EbpfLb.Abi;
using EbpfLb.Events;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Reconcile;

/// <summary>Writes flow events to an output, whose failure never touches a packet: it ends the reports, not the balancing.</summary>
sealed partial class FlowReporter : IDisposable
{
    readonly EventPrinter _printer;
    readonly EventReader _reader;
    readonly ILogger _logger;
    readonly TextWriter _output;
    bool _failed;

    public FlowReporter(AttachedDatapath attached, TextWriter output, ILogger<FlowReporter> logger)
    {
        _logger = logger;
        _output = output;
        _printer = new(TextWriter.Synchronized(output), attached.ServiceName);
        _reader = new(attached.Tables.Events, happened => Write(() => _printer.Print(happened)), () => Write(_output.Flush));
    }

    /// <summary>Ends when the reporter is disposed of, or with the fault that ended it.</summary>
    public Task Ended => _reader.Ended;

    public void ReportExpired(LbTuple client, LbFlow forward, LbFlow reply, FlowEnd why) =>
        Write(() => _printer.PrintExpired(ClosedEvent.Of(client, forward, reply), why));

    public void Dispose() => _reader.Dispose();

    void Write(Action write)
    {
        if (_failed)
            return;
        try
        {
            write();
        }
        catch (IOException fault)
        {
            _failed = true;
            LogOutputFailed(fault.Message);
        }
    }

    [LoggerMessage(LogLevel.Error, "writing flow events failed: {Reason} No more are written; balancing goes on")]
    partial void LogOutputFailed(string reason);
}
