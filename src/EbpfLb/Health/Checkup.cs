using System.Net;
using EbpfLb.Configuration;

namespace EbpfLb.Health;

/// <summary>The checks of one backend, one after the other, until it is stopped. Waiting takes no thread.</summary>
sealed class Checkup : IDisposable
{
    /// <summary>The time between checks is so much shorter or longer each time: they are not to fall into step.</summary>
    const double Jitter = 0.1;

    readonly CancellationTokenSource _stop = new();
    readonly CancellationToken _stopped;
    Verdict _verdict;

    /// <param name="backend">Whose checks they are.</param>
    /// <param name="how">How they are made, and how often.</param>
    /// <param name="verdict">What is known before the first.</param>
    public Checkup(CheckedBackend backend, HealthConfiguration how, Verdict verdict)
    {
        (Backend, How, _verdict) = (backend, how, verdict);
        _stopped = _stop.Token;
    }

    /// <summary>Told of each check, from any thread.</summary>
    /// <param name="checkup">Its verdict is that after the check.</param>
    /// <param name="before">The verdict before.</param>
    /// <param name="outcome">Of the check.</param>
    public delegate void Made(Checkup checkup, Verdict before, CheckOutcome outcome);

    public CheckedBackend Backend { get; }

    public HealthConfiguration How { get; }

    public Verdict Verdict => Volatile.Read(ref _verdict);

    /// <summary>Checks at once, and then time and again; the first rest is any, so that many backends spread.</summary>
    /// <param name="check">Makes the checks.</param>
    /// <param name="gate">Bounds how many are made at a time.</param>
    /// <param name="made">Told of each.</param>
    /// <param name="time">For the rests.</param>
    public async Task RunAsync(IHealthCheck check, SemaphoreSlim gate, Made made, TimeProvider time)
    {
        var at = new IPEndPoint(Backend.EndPoint.Address, How.Port == 0 ? Backend.EndPoint.Port : How.Port);
        var rest = How.Every * Random.Shared.NextDouble();
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
            rest = Jittered(How.Every, Random.Shared.NextDouble());
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

    async ValueTask CheckAsync(IHealthCheck check, IPEndPoint at, Made made)
    {
        var outcome = await check.RunAsync(at, How, _stopped);
        var before = _verdict;
        if (outcome.IsHealthy is { } isHealthy)
            Volatile.Write(ref _verdict, before.After(isHealthy, How));
        made(this, before, outcome);
    }
}
