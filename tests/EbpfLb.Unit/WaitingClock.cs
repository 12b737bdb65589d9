using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit;

/// <summary>A clock that runs only while something is waited for, as fast as others keep up with it.</summary>
/// <param name="step">So far at a time.</param>
sealed class WaitingClock(TimeSpan step) : FakeTimeProvider
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    int _timers;

    /// <summary>The number of timers started. A loop that starts another one has finished its last pass.</summary>
    public int Timers => Volatile.Read(ref _timers);

    /// <summary>How long it has run.</summary>
    public TimeSpan Elapsed => GetUtcNow() - Start;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        Interlocked.Increment(ref _timers);
        return timer;
    }

    /// <summary>Lets time pass until something has happened.</summary>
    public Task UntilAsync(Func<bool> hasHappened) => UntilAsync(hasHappened, step);

    /// <summary>Waits for something that happens though no time passes.</summary>
    public Task StandUntilAsync(Func<bool> hasHappened) => UntilAsync(hasHappened, TimeSpan.Zero);

    /// <summary>Lets time pass until a task is done.</summary>
    public async Task<T> UntilAsync<T>(Task<T> task)
    {
        await UntilAsync(() => task.IsCompleted);
        return await task;
    }

    async Task UntilAsync(Func<bool> hasHappened, TimeSpan by)
    {
        var patience = Stopwatch.StartNew();
        while (!hasHappened())
        {
            Assert.True(patience.Elapsed < Deadline, "nothing happened");
            Advance(by);
            await Task.Run(() => { });
        }
    }
}
