using System.Collections.Immutable;
using EbpfLb.Configuration;
using EbpfLb.Providers;

namespace EbpfLb.Health;

/// <summary>The checks of all backends whose services have any. Used from one thread at a time.</summary>
/// <param name="check">Makes the checks.</param>
/// <param name="made">Told of each, from any thread.</param>
/// <param name="failed">Told of a fault that ended the checks of a backend.</param>
/// <param name="time">For the rests between them.</param>
/// <param name="down">Backends that are known to be down at the start.</param>
sealed class Checkups(
    IHealthCheck check, Checkup.Made made, Action<Exception> failed, TimeProvider time,
    IReadOnlySet<CheckedBackend>? down = null) : IAsyncDisposable
{
    /// <summary>Each is a socket; those beyond wait for their turn.</summary>
    public const int MostAtATime = 512;

    readonly SemaphoreSlim _gate = new(MostAtATime);
    readonly Dictionary<CheckedBackend, Checkup> _current = [];
    readonly HashSet<Task> _running = [];
    HashSet<CheckedBackend>? _known;

    /// <summary>
    /// Checks the backends that are there now. One that was there before it was checked, or is there at the start, counts
    /// as up until its checks decide, so that neither a restart nor a reload empties a service; but not what is known to be
    /// down. What the same checks have found for another service, which may be this one by its former name, is known.
    /// </summary>
    public void Follow(ImmutableArray<ServiceSnapshot> services)
    {
        var present = new Dictionary<CheckedBackend, HealthConfiguration?>();
        foreach (var service in services)
        {
            foreach (var backend in service.Backends)
                present[CheckedBackend.Of(service, backend)] = IsCheckable(service.Health, backend) ? service.Health : null;
        }
        var known = _current.Values.ToLookup(checkup => (checkup.Backend.EndPoint, checkup.How), checkup => checkup.Verdict);
        foreach (var (backend, checkup) in _current)
        {
            if (present.GetValueOrDefault(backend) == checkup.How)
                continue;
            checkup.Dispose();
            if (present.GetValueOrDefault(backend) is null)
                _current.Remove(backend);
        }
        foreach (var (backend, how) in present)
        {
            var current = _current.GetValueOrDefault(backend);
            if (how is not null && current?.How != how)
                Start(new(backend, how, current?.Verdict ?? known[(backend.EndPoint, how)].FirstOrDefault() ?? First(backend)));
        }
        _known = [.. present.Keys];
        _running.RemoveWhere(running => running.IsCompleted);
    }

    /// <summary>Null for a backend that is not checked.</summary>
    public Verdict? VerdictOf(ServiceSnapshot service, BackendSnapshot backend) =>
        _current.GetValueOrDefault(CheckedBackend.Of(service, backend))?.Verdict;

    /// <summary>Stops all checks, and waits until they have stopped.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var checkup in _current.Values)
            checkup.Dispose();
        await Task.WhenAll(_running);
        _gate.Dispose();
    }

    Verdict First(CheckedBackend backend) => _known is null && down?.Contains(backend) == true
        ? new(BackendHealth.Down, IsTrusted: true)
        : new(BackendHealth.Unknown, IsTrusted: _known?.Contains(backend) ?? true);

    void Start(Checkup checkup)
    {
        _current[checkup.Backend] = checkup;
        _running.Add(Task.Run(async () =>
        {
            try
            {
                await checkup.RunAsync(check, _gate, made, time);
            }
            catch (OperationCanceledException)
            {
                // The way to stop.
            }
            catch (Exception fault)
            {
                failed(fault);
            }
        }));
    }

    /// <summary>A backend of every port has none to connect to, unless the service says one.</summary>
    static bool IsCheckable(HealthConfiguration? how, BackendSnapshot backend) => (how?.Port ?? 0) != 0 || backend.Port != 0;
}
