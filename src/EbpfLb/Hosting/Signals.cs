namespace EbpfLb.Hosting;

/// <summary>
/// Turns the first SIGINT, SIGTERM or SIGHUP into a cancellation, and the second into another one, which ends a withdrawal.
/// Later ones are ignored, so that the shutdown completes; SIGKILL ends it at once. SIGHUP counts only without a handler.
/// </summary>
sealed class Signals : IDisposable
{
    readonly CancellationTokenSource _cancellation = new();
    readonly CancellationTokenSource _repeated = new();
    readonly PosixSignalRegistration[] _registrations;

    public Signals() =>
        _registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(Register)];

    /// <summary>Cancelled when the process is asked to end.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>Cancelled when the process is asked to end once more.</summary>
    public CancellationToken Repeated => _repeated.Token;

    /// <summary>Called at each SIGHUP, on its own thread.</summary>
    public event Action? HangUp;

    PosixSignalRegistration Register(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true; // suppresses the default action
        if (signal == PosixSignal.SIGHUP && HangUp is { } use)
            use();
        else if (_cancellation.IsCancellationRequested)
            _repeated.Cancel();
        else
            _cancellation.Cancel();
    });

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _cancellation.Dispose();
        _repeated.Dispose();
    }
}
