using EbpfLb.Configuration;
using EbpfLb.Health.Tunnels;
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
        var present = new Dictionary<CheckedBackend, (IPEndPoint At, HealthConfiguration How)?>();
        ImmutableArray<IPAddress> addresses = [.. services.Select(service => service.Listen.Address).OfType<IPAddress>().Distinct()];
        foreach (var service in services)
        {
            foreach (var backend in service.Backends)
                present[CheckedBackend.Create(service, backend)] = TargetOf(service, backend, addresses);
        }
        var known = _probes.Values.ToLookup(probe => (probe.At, probe.Settings), probe => probe.State);
        foreach (var (backend, probe) in _probes)
        {
            if (present.GetValueOrDefault(backend) == (probe.At, probe.Settings))
                continue;
            probe.Dispose();
            if (present.GetValueOrDefault(backend) is null)
                _probes.Remove(backend);
        }
        foreach (var (backend, target) in present)
        {
            var current = _probes.GetValueOrDefault(backend);
            if (target is { } wanted && (current?.At, current?.Settings) != wanted)
                Start(new(backend, wanted.At, wanted.How, current?.State ?? known[wanted].FirstOrDefault() ?? InitialState(backend)));
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

    /// <summary>Null if it is not checked: without checks, out of the service's reach, or with every port and none for the checks.</summary>
    /// <param name="addresses">Those of all services.</param>
    static (IPEndPoint At, HealthConfiguration How)? TargetOf(
        ServiceSnapshot service, BackendSnapshot backend, ImmutableArray<IPAddress> addresses)
    {
        if (service.Health is not { } how || !service.CanReach(backend) || (how.Port == 0 && backend.Port == 0))
            return null;
        var port = how.Port == 0 ? backend.Port : how.Port;
        return how.Tunnel && service.Listen.Address is { } address
            ? (new TunnelEndPoint(address, port, backend.Address, service.Configuration.Encapsulation, addresses), how)
            : (new IPEndPoint(backend.Address, port), how);
    }
}
