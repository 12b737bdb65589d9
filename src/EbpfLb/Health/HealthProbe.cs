using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>The checks of one backend, one after the other, until it is stopped. Waiting takes no thread.</summary>
sealed class HealthProbe : IDisposable
{
    /// <summary>The time between checks is so much shorter or longer each time: they are not to fall into step.</summary>
    const double Jitter = 0.1;

    readonly CancellationTokenSource _stop = new();
    readonly CancellationToken _stopped;
    HealthState _state;

    /// <param name="backend">Whose checks they are.</param>
    /// <param name="how">How they are made, and how often.</param>
    /// <param name="state">What is known before the first.</param>
    public HealthProbe(CheckedBackend backend, HealthConfiguration how, HealthState state)
    {
        (Backend, Settings, _state) = (backend, how, state);
        _stopped = _stop.Token;
    }

    /// <summary>Told of each check, from any thread.</summary>
    /// <param name="probe">Its state is that after the check.</param>
    /// <param name="before">The state before.</param>
    /// <param name="outcome">Of the check.</param>
    public delegate void Completed(HealthProbe probe, HealthState before, CheckOutcome outcome);

    public CheckedBackend Backend { get; }

    public HealthConfiguration Settings { get; }

    public HealthState State => Volatile.Read(ref _state);

    /// <summary>Checks at once, and then time and again; the first rest is any, so that many backends spread.</summary>
    /// <param name="check">Makes the checks.</param>
    /// <param name="gate">Bounds how many are made at a time.</param>
    /// <param name="made">Told of each.</param>
    /// <param name="time">For the rests.</param>
    public async Task RunAsync(IHealthCheck check, SemaphoreSlim gate, Completed made, TimeProvider time)
    {
        var at = new IPEndPoint(Backend.EndPoint.Address, Settings.Port == 0 ? Backend.EndPoint.Port : Settings.Port);
        var rest = Settings.Every * Random.Shared.NextDouble();
        while (true)
        {
            await gate.WaitAsync(_stopped);
            var began = time.GetTimestamp(); // its turn may have been long in coming
            try
            {
                await CheckAsync(check, at, made);
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

    /// <summary>Stops the checks, in the midst of one too.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <param name="time">The usual one.</param>
    /// <param name="roll">From 0 to 1, at random.</param>
    public static TimeSpan Jittered(TimeSpan time, double roll) => time * (1 - Jitter + (2 * Jitter * roll));

    async ValueTask CheckAsync(IHealthCheck check, IPEndPoint at, Completed made)
    {
        var outcome = await check.RunAsync(at, Settings, _stopped);
        var before = _state;
        if (outcome.IsHealthy is { } isHealthy)
            Volatile.Write(ref _state, before.Next(isHealthy, Settings));
        made(this, before, outcome);
    }
}
