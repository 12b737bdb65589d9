using System.Runtime.InteropServices;

namespace EbpfLb.Commands;

/// <summary>Turns the first SIGINT, SIGTERM or SIGHUP into a cancellation; a second one ends the process.</summary>
sealed class Signals : IDisposable
{
    readonly CancellationTokenSource _cancellation = new();
    readonly PosixSignalRegistration[] _registrations;

    public Signals() =>
        _registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(Register)];

    /// <summary>Cancelled when the process is asked to end.</summary>
    public CancellationToken Token => _cancellation.Token;

    PosixSignalRegistration Register(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        if (_cancellation.IsCancellationRequested)
            return;
        context.Cancel = true;
        _cancellation.Cancel();
    });

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _cancellation.Dispose();
    }
}
