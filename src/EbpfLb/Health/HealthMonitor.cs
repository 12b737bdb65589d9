using System.Threading.Channels;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>Checks the backends of providers and excludes those that are down from new flows.</summary>
/// <param name="down">Backends that were down when a former process ended: they stay down until checks decide.</param>
sealed partial class HealthMonitor(
    IHealthCheck check, TimeProvider time, ILogger<HealthMonitor> logger, IReadOnlySet<CheckedBackend>? down = null)
{
    readonly HashSet<(string Service, AddressFamily Family)> _allDown = [];
    int _isInconclusiveReported;

    /// <summary>The services with their backends' health, at each change of either.</summary>
    public async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> WatchAsync(
        IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> provided, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var stateChanges = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        await using var prober = new HealthProber(check, Made, error => stateChanges.Writer.TryComplete(error), time, down);
        await using var services = new Subscription<ImmutableArray<ServiceSnapshot>>(_ => provided, cancellation);
        await using var change = new Subscription<bool>(stateChanges.Reader.ReadAllAsync, cancellation);
        ImmutableArray<ServiceSnapshot> latest = [];
        while (true)
        {
            if (await Task.WhenAny(services.Available, change.Available) == change.Available)
                await change.ReadAsync();
            else
                prober.Update(latest = await services.ReadAsync());
            var evaluated = latest.Select(service => AvailableBackendsPolicy.Apply(service, prober.StateOf)).ToImmutableArray();
            ReportAllDown(evaluated);
            yield return evaluated;
        }

        void Made(HealthProbe probe, HealthState before, CheckOutcome outcome)
        {
            Report(probe, before, outcome);
            if (probe.State.Health != before.Health)
                stateChanges.Writer.TryWrite(true);
        }
    }

    void Report(HealthProbe probe, HealthState before, CheckOutcome outcome)
    {
        var (service, endPoint) = probe.Backend;
        if (outcome.IsHealthy is null)
        {
            if (Interlocked.Exchange(ref _isInconclusiveReported, 1) == 0)
                LogCheckInconclusive(endPoint.ToString(), service, outcome.Reason);
            return;
        }
        Volatile.Write(ref _isInconclusiveReported, 0);
        if (probe.State.Health == before.Health)
            return;
        if (probe.State.Health == BackendHealth.Down)
            LogBackendDown(endPoint.ToString(), service, probe.Settings.Fall, outcome.Reason);
        else if (before.IsExcluded)
            LogBackendUp(endPoint.ToString(), service);
    }

    void ReportAllDown(ImmutableArray<ServiceSnapshot> services)
    {
        var allDown = services
            .SelectMany(service => service.Backends.Where(service.CanReach).GroupBy(backend => backend.Address.AddressFamily)
                .Where(AvailableBackendsPolicy.AreAllDown).Select(family => (service.Name, family.Key, WhenAllDown: service.Health?.WhenAllDown ?? AllDownPolicy.Refuse)))
            .ToDictionary(down => (down.Name, down.Key), down => down.WhenAllDown);
        foreach (var (name, family) in _allDown.Except(allDown.Keys).ToArray())
        {
            _allDown.Remove((name, family));
            if (services.Any(service => service.Name == name && service.Backends.Any(backend => backend.Address.AddressFamily == family)))
                LogSomeBackendUp(EndPoints.NameOf(family), name);
        }
        foreach (var ((name, family), policy) in allDown)
        {
            if (_allDown.Add((name, family)))
                LogAllBackendsDown(EndPoints.NameOf(family), name, policy == AllDownPolicy.Refuse ? "are refused" : "go to all of them");
        }
    }

    [LoggerMessage(LogLevel.Warning, "backend {EndPoint} of service '{Service}' is down: {Fall} checks in a row failed, the last: {Reason}")]
    partial void LogBackendDown(string endPoint, string service, int fall, string reason);

    [LoggerMessage(LogLevel.Information, "backend {EndPoint} of service '{Service}' is up")]
    partial void LogBackendUp(string endPoint, string service);

    [LoggerMessage(LogLevel.Warning, "all {Family} backends of service '{Service}' are down: new flows {What}")]
    partial void LogAllBackendsDown(string family, string service, string what);

    [LoggerMessage(LogLevel.Information, "the {Family} backends of service '{Service}' are no longer all down")]
    partial void LogSomeBackendUp(string family, string service);

    [LoggerMessage(LogLevel.Warning, "checking backend {EndPoint} of service '{Service}' failed locally: {Reason} "
        + "Its health is unchanged.")]
    partial void LogCheckInconclusive(string endPoint, string service, string reason);
}
