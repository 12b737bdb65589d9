using System.Runtime.InteropServices;

namespace EbpfLb.Hosting;

/// <summary>
/// Turns the first SIGINT, SIGTERM or SIGHUP into a cancellation; those that follow change nothing, so that an impatient
/// one does not cut off what the first has begun: whoever cannot wait has SIGKILL. SIGHUP does so only where nobody has
/// another use for it.
/// </summary>
sealed class Signals : IDisposable
{
    readonly CancellationTokenSource _cancellation = new();
    readonly PosixSignalRegistration[] _registrations;

    public Signals() =>
        _registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(Register)];

    /// <summary>Cancelled when the process is asked to end.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>Called at each SIGHUP, on a thread of its own.</summary>
    public event Action? HangUp;

    PosixSignalRegistration Register(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true; // what it would do by default
        if (signal == PosixSignal.SIGHUP && HangUp is { } use)
            use();
        else
            _cancellation.Cancel();
    });

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _cancellation.Dispose();
    }
}
