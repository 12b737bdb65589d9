using System.Runtime.InteropServices;
using EbpfLb.Hosting;

namespace EbpfLb.Unit.Commands;

/// <summary>Seen with SIGHUP, because the test host itself listens to the others.</summary>
public sealed partial class SignalsStopTheProcess
{
    const int HangUp = 1;

    [LibraryImport("libc")]
    internal static partial nint signal(int signal, nint handler);

    [LibraryImport("libc")]
    internal static partial int kill(int process, int signal);

    // A process that was started to survive its terminal (nohup) ignores it, and .NET leaves that be.
    public SignalsStopTheProcess()
    {
        const nint byDefault = 0; // SIG_DFL
        signal(HangUp, byDefault);
    }

    [Fact]
    public async Task A_hang_up_that_has_a_use_does_not_cancel()
    {
        using var signals = new Signals();
        var used = new TaskCompletionSource();
        signals.HangUp += used.SetResult;

        Assert.Equal(0, kill(Environment.ProcessId, HangUp));

        await used.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.False(signals.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task A_first_signal_cancels_and_leaves_the_process_alive()
    {
        using var signals = new Signals();
        var cancelled = new TaskCompletionSource();
        using var registration = signals.Token.Register(cancelled.SetResult);

        Assert.Equal(0, kill(Environment.ProcessId, HangUp));

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    /// <summary>The process lives to tell: by default each of them ends it, and with it the tests.</summary>
    [Fact]
    public async Task Later_signals_do_not_interrupt_the_shutdown()
    {
        using var signals = new Signals();
        using var seen = new SemaphoreSlim(0);
        using var alsoWatching = PosixSignalRegistration.Create(PosixSignal.SIGHUP, _ => seen.Release());

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(0, kill(Environment.ProcessId, HangUp));
            Assert.True(await seen.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        }

        Assert.True(signals.Token.IsCancellationRequested);
    }
}
