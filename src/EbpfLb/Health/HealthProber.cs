using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>Checks all backends of services with a health check. Not thread-safe.</summary>
/// <param name="made">Called after each check, on any thread.</param>
/// <param name="failed">Called with an error that ended a probe.</param>
/// <param name="down">Backends that are down at the start.</param>
sealed class HealthProber(
    IHealthCheck check, HealthProbe.Completed made, Action<Exception> failed, TimeProvider time,
    IReadOnlySet<CheckedBackend>? down = null) : IAsyncDisposable
{
    /// <summary>Each is a socket; other checks wait.</summary>
    public const int MaxConcurrent = 512;

    readonly SemaphoreSlim _gate = new(MaxConcurrent);
    readonly Dictionary<CheckedBackend, HealthProbe> _probes = [];
    readonly HashSet<Task> _running = [];
    HashSet<CheckedBackend>? _known;

    /// <summary>
    /// Probes the current backends. A backend that is present at the start, or before its service had checks, counts
    /// as up until its checks decide, so that a restart or a reload does not empty a service; one that is known to be
    /// down does not. A backend with the same checks in another service, which may be this one renamed, keeps that
    /// state.
    /// </summary>
    public void Update(ImmutableArray<ServiceSnapshot> services)
    {
        var present = new Dictionary<CheckedBackend, HealthConfiguration?>();
        foreach (var service in services)
        {
            foreach (var backend in service.Backends)
                present[CheckedBackend.Create(service, backend)] = CanBeProbed(service, backend) ? service.Health : null;
        }
        var known = _probes.Values.ToLookup(probe => (probe.Backend.EndPoint, probe.Settings), probe => probe.State);
        foreach (var (backend, probe) in _probes)
        {
            if (present.GetValueOrDefault(backend) == probe.Settings)
                continue;
            probe.Dispose();
            if (present.GetValueOrDefault(backend) is null)
                _probes.Remove(backend);
        }
        foreach (var (backend, how) in present)
        {
            var current = _probes.GetValueOrDefault(backend);
            if (how is not null && current?.Settings != how)
                Start(new(backend, how, current?.State ?? known[(backend.EndPoint, how)].FirstOrDefault() ?? InitialState(backend)));
        }
        _known = [.. present.Keys];
        _running.RemoveWhere(running => running.IsCompleted);
    }

    /// <summary>Null for a backend that is not checked.</summary>
    public HealthState? StateOf(ServiceSnapshot service, BackendSnapshot backend) =>
        _probes.GetValueOrDefault(CheckedBackend.Create(service, backend))?.State;

    /// <summary>Stops all probes, and waits for them.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var probe in _probes.Values)
            probe.Dispose();
        await Task.WhenAll(_running);
        _gate.Dispose();
    }

    HealthState InitialState(CheckedBackend backend) => _known is null && down?.Contains(backend) == true
        ? new(BackendHealth.Down, IsTrusted: true)
        : new(BackendHealth.Unknown, IsTrusted: _known?.Contains(backend) ?? true);

    void Start(HealthProbe probe)
    {
        _probes[probe.Backend] = probe;
        _running.Add(Task.Run(async () =>
        {
            try
            {
                await probe.RunAsync(check, _gate, made, time);
            }
            catch (OperationCanceledException)
            {
                // disposal
            }
            catch (Exception error)
            {
                failed(error);
            }
        }));
    }

    /// <summary>A backend with every port needs a port from the health check.</summary>
    static bool CanBeProbed(ServiceSnapshot service, BackendSnapshot backend) =>
        service.CanReach(backend) && ((service.Health?.Port ?? 0) != 0 || backend.Port != 0);
}
