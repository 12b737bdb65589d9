using EbpfLb.Abi;
using EbpfLb.Native;

namespace EbpfLb.Events;

/// <summary>Reads the ring buffer on its own thread until disposal, and then the rest of it.</summary>
sealed class EventReader : IDisposable
{
    static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Between two polls. The buffer holds some 7,700 events: 380,000 a second.</summary>
    static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>More than the buffer holds: one poll ends, also while events come as fast as they are read.</summary>
    const int MaxPerPoll = 8192;

    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly CancellationTokenSource _stop = new();
    readonly RingBuffer _buffer;
    readonly Action _beforeRead;
    readonly Thread _thread;

    /// <param name="events">The ring buffer map.</param>
    /// <param name="beforeRead">Called before each poll, on the reader's thread.</param>
    /// <param name="handle">Called for each event, on the reader's thread.</param>
    public EventReader(Fd events, Action beforeRead, Action<LbEvent> handle)
    {
        _beforeRead = beforeRead;
        _buffer = new(events, sample => handle(MemoryMarshal.Read<LbEvent>(sample)));
        _thread = new(Read) { Name = "events", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Completes after disposal, or with the error that ended the reader.</summary>
    public Task Ended => _ended.Task;

    public void Dispose()
    {
        _stop.Cancel();
        // A reader that blocks in its output keeps the buffer; the process frees both.
        if (!_thread.Join(StopTimeout))
            return;
        _buffer.Dispose();
        _stop.Dispose();
    }

    void Read()
    {
        try
        {
            do
                Drain();
            while (!_stop.Token.WaitHandle.WaitOne(PollInterval));
            Drain();
            _ended.SetResult();
        }
        catch (Exception error)
        {
            _ended.SetException(error);
        }
    }

    void Drain()
    {
        _beforeRead();
        _buffer.Drain(MaxPerPoll);
    }
}
