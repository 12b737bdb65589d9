using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>Checks one backend repeatedly until disposal. Uses no thread while it waits.</summary>
sealed class HealthProbe : IDisposable
{
    /// <summary>Varies the interval, so that probes do not synchronise.</summary>
    const double Jitter = 0.1;

    readonly CancellationTokenSource _stop = new();
    readonly CancellationToken _stopped;
    HealthState _state;

    /// <param name="at">Where the backend is checked.</param>
    public HealthProbe(CheckedBackend backend, IPEndPoint at, HealthConfiguration how, HealthState state)
    {
        (Backend, At, Settings, _state) = (backend, at, how, state);
        _stopped = _stop.Token;
    }

    /// <summary>A completed check. Called on any thread.</summary>
    /// <param name="probe">With the state after the check.</param>
    /// <param name="before">The state before the check.</param>
    public delegate void Completed(HealthProbe probe, HealthState before, CheckOutcome outcome);

    public CheckedBackend Backend { get; }
    public IPEndPoint At { get; }
    public HealthConfiguration Settings { get; }

    public HealthState State => Volatile.Read(ref _state);

    /// <summary>Checks at once, then at each interval. The first interval is random, to spread many backends.</summary>
    /// <param name="made">Called after each check.</param>
    public async Task RunAsync(IHealthCheck check, SemaphoreSlim gate, Completed made, TimeProvider time)
    {
        var rest = Settings.Every * Random.Shared.NextDouble();
        while (true)
        {
            await gate.WaitAsync(_stopped);
            var began = time.GetTimestamp(); // it may have waited for the gate
            try
            {
                await CheckAsync(check, made);
            }
            finally
            {
                gate.Release();
            }
            rest -= time.GetElapsedTime(began);
            await Task.Delay(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, time, _stopped);
            rest = Jittered(Settings.Every, Random.Shared.NextDouble());
        }
    }

    /// <summary>Stops the checks, also a running one.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <param name="roll">Random, from 0 to 1.</param>
    public static TimeSpan Jittered(TimeSpan time, double roll) => time * (1 - Jitter + (2 * Jitter * roll));

    async ValueTask CheckAsync(IHealthCheck check, Completed made)
    {
        var outcome = await check.RunAsync(At, Settings, _stopped);
        var before = _state;
        if (outcome.IsHealthy is { } isHealthy)
            Volatile.Write(ref _state, before.Next(isHealthy, Settings));
        made(this, before, outcome);
    }
}
