using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Doctor;
using EbpfLb.Events;
using EbpfLb.Flows;
using EbpfLb.Metrics;
using EbpfLb.Networking;
using EbpfLb.Reconcile;

namespace EbpfLb.Hosting;

/// <summary>
/// The only writer of the tables. Reconciles at each change of the backends, after each collection, and every few
/// seconds for changes without notice, such as the interfaces' addresses.
/// </summary>
sealed partial class ControlLoop(
    LoadBalancerConfiguration configuration, AttachedDatapath attached, BalancedInterfaces interfaces, LoopMetrics metrics,
    TimeProvider time, ILoggerFactory loggers)
{
    static readonly TimeSpan ApplyInterval = TimeSpan.FromSeconds(5);
    static readonly TimeSpan SearchInterval = TimeSpan.FromMilliseconds(250); // while no interface exists

    readonly ILogger<ControlLoop> _logger = loggers.CreateLogger<ControlLoop>();
    readonly Reconciler _reconciler = new(attached.Tables);
    readonly ulong _capabilities = HostProbe.EffectiveCapabilities();
    readonly Dictionary<int, VethPeerMonitor> _peers = []; // by interface index
    ImmutableArray<ServiceSnapshot> _desired = [];
    ImmutableArray<ServiceSnapshot> _logged = []; // the desired state when changes were last logged
    ImmutableArray<IPAddress> _self = [];
    IReadOnlySet<string> _unserved = new HashSet<string>();
    IReadOnlySet<string> _foreign = new HashSet<string>();
    IReadOnlySet<string> _impossible = new HashSet<string>();
    string? _gcError;
    string? _peerError;
    string _reportedError = "";

    /// <summary>Runs until it is stopped. A failed pass or collection is logged and retried with the next.</summary>
    /// <param name="desired">What the tables have been filled with.</param>
    /// <param name="self">The first interface's addresses at that time.</param>
    /// <param name="stop">Stops it; also cancelled when the loop ends.</param>
    public async Task RunAsync(
        ImmutableArray<ServiceSnapshot> desired, ImmutableArray<IPAddress> self,
        IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> snapshots, FlowReporter reporter, CancellationTokenSource stop)
    {
        (_desired, _logged, _self) = (desired, desired, self);
        ReportProblems();
        var cancellation = stop.Token;
        FlowGarbageCollector.Expired expired = configuration.Events == EventLevel.Off ? (_, _, _, _) => { } : reporter.ReportExpired;
        var collector = new FlowGarbageCollector(attached.Tables, configuration.Timeouts, time, Preflight.OwnAddresses);
        var gc = new GcSchedule(collector, expired, time);
        using var addresses = new AddressChanges();
        using var timer = new PeriodicTimer(ApplyInterval, time);
        var change = snapshots.MoveNextAsync().AsTask();
        var tick = timer.WaitForNextTickAsync(cancellation).AsTask();
        var moved = addresses.WaitAsync(cancellation);
        var collection = gc.RunNextAsync(cancellation);
        var changed = time.GetTimestamp();
        try
        {
            while (true)
            {
                IReadOnlyDictionary<uint, int>? live = null;
                var first = await Task.WhenAny(change, collection, moved, tick);
                if (first == change)
                {
                    await change;
                    _desired = snapshots.Current;
                    ReportProblems();
                    change = snapshots.MoveNextAsync().AsTask();
                }
                else if (first == collection)
                {
                    _gcError = await ErrorOfAsync(async () =>
                    {
                        var result = await collection;
                        metrics.ObserveGc(result);
                        // A backend that left during the collection may have got a flow that it did not see.
                        live = result.StartedAt > changed ? result.LiveFlows : null;
                        if (collector.SocketError is { } error)
                            throw new LoadBalancerException(error);
                    });
                    collection = gc.RunNextAsync(cancellation);
                }
                else if (first == moved)
                {
                    await moved;
                    moved = addresses.WaitAsync(cancellation);
                }
                else
                {
                    await tick;
                    _peerError = await ErrorOfAsync(CheckPeers);
                    tick = timer.WaitForNextTickAsync(cancellation).AsTask();
                }
                if (Pass(live))
                    changed = time.GetTimestamp();
                interfaces.RejectAbsence();
                timer.Period = interfaces.IsAnyPresent ? ApplyInterval : SearchInterval;
            }
        }
        finally
        {
            // Also after an error: otherwise the providers would not stop.
            await stop.CancelAsync();
            // The providers and the collection must end before their tables are disposed of.
            await Task.WhenAll(change, collection).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One reconcile pass. An error is logged once; the next pass retries.</summary>
    /// <returns>True if it changed an entry or may have.</returns>
    bool Pass(IReadOnlyDictionary<uint, int>? live)
    {
        int links = 0, entries = 0;
        List<string?> errors = [_gcError, _peerError];
        bool isKnown = false, isWhole = true;
        metrics.ObservePass(() =>
        {
            Attempt(() => links = ApplyLinks());
            Attempt(() => links += attached.UpdateCgroups());
            isKnown = Attempt(() => entries = _reconciler.Apply(_desired, _self, live));
            return (links + entries, IsWhole: isWhole);
        });
        if (isKnown)
            Attempt(ReportChanges);
        Attempt(() => errors.Add(Preflight.FindOwnAddress(_desired)));
        Attempt(() => _foreign = Warn(Preflight.FindForeignSources(_desired), _foreign, LogNatSourceForeign));
        if (isKnown)
            errors.Add(_reconciler.Shortage);
        ReportError(string.Join(' ', errors.OfType<string>()));
        return !isKnown || links + entries != 0;

        bool Attempt(Action part)
        {
            try
            {
                part();
                return true;
            }
            catch (LoadBalancerException error)
            {
                errors.Add(error.Message);
                return isWhole = false;
            }
        }
    }

    /// <summary>Runs work beside the tables; returns its error, or null.</summary>
    static async Task<string?> ErrorOfAsync(Func<Task> part)
    {
        try
        {
            await part();
            return null;
        }
        catch (LoadBalancerException error)
        {
            return error.Message;
        }
    }

    /// <param name="error">Empty if there is none.</param>
    void ReportError(string error)
    {
        if (error == _reportedError)
            return;
        if (error.Length > 0)
            LogReconcileFailed(error);
        else
            LogReconciled();
        _reportedError = error;
    }

    /// <summary>
    /// A service without an address listens on the first interface's addresses. They stay as they were while it is
    /// gone: its flows may still be known.
    /// </summary>
    int ApplyLinks()
    {
        var changes = interfaces.Update(attached);
        if (interfaces.Devices[0] is { IsPresent: true } first)
            UpdateSelf(first.Name, first.Addresses());
        return changes;
    }

    void UpdateSelf(string device, ImmutableArray<IPAddress> self)
    {
        var (former, named) = (_self, _desired.Select(service => service.Listen.Address).ToHashSet());
        _self = self;
        if (former.ToHashSet().SetEquals(self) || !named.Remove(null))
            return;
        // A service's own address comes and goes with its engine, as keepalived.
        foreach (var address in former.Except(self).Where(address => !named.Contains(address)))
            LogAddressRemoved(address, device);
        foreach (var address in self.Except(former).Where(address => !named.Contains(address)))
            LogAddressAdded(address, device);
        ReportUnserved();
    }

    void ReportProblems()
    {
        ReportUnserved();
        _impossible = Warn(
            Preflight.FindImpossibleChecks(_desired, _capabilities), _impossible, LogHealthCheckImpossible);
    }

    void ReportUnserved() => _unserved = Warn(UnservedClients.Find(_desired, _self), _unserved, LogClientsUnserved);

    /// <summary>Logs each sentence once, until it is no longer so.</summary>
    static HashSet<string> Warn(IEnumerable<string> problems, IReadOnlySet<string> logged, Action<string> log)
    {
        var found = problems.ToHashSet();
        foreach (var problem in found.Except(logged))
            log(problem);
        return found;
    }

    /// <summary>The peers of veths, on the hook that depends on them.</summary>
    Task CheckPeers()
    {
        foreach (var device in attached.Choice.Hook == HookKind.XdpNative ? interfaces.Devices : [])
        {
            if (!_peers.TryGetValue(device.Index, out var peer))
                _peers[device.Index] = peer = new(device, loggers.CreateLogger<VethPeerMonitor>());
            peer.Check();
        }
        return Task.CompletedTask;
    }

    /// <summary>Logs changes once they are applied: a backend that was removed gets no new flow.</summary>
    void ReportChanges()
    {
        if (_logged == _desired)
            return;
        string[] changes = [.. BackendChanges.Describe(_logged, _desired, new(() => BackendChanges.CountFlows(attached.Tables)))];
        foreach (var change in changes)
            LogBackendsChanged(change);
        _logged = _desired;
    }

    [LoggerMessage(LogLevel.Warning, "address {Address} was removed from {Device}: services on 'self' no longer listen there. "
        + "`ip address add` brings it back.")]
    partial void LogAddressRemoved(IPAddress address, string device);

    [LoggerMessage(LogLevel.Information, "address {Address} was added to {Device}: services on 'self' listen there")]
    partial void LogAddressAdded(IPAddress address, string device);

    [LoggerMessage(LogLevel.Warning, "{Problem}")]
    partial void LogClientsUnserved(string problem);

    [LoggerMessage(LogLevel.Warning, "{Problem}")]
    partial void LogNatSourceForeign(string problem);

    [LoggerMessage(LogLevel.Warning, "{Problem}")]
    partial void LogHealthCheckImpossible(string problem);

    [LoggerMessage(LogLevel.Information, "{Change}")]
    partial void LogBackendsChanged(string change);

    [LoggerMessage(LogLevel.Error, "reconcile failed: {Error} Retrying every few seconds.")]
    partial void LogReconcileFailed(string error);

    [LoggerMessage(LogLevel.Information, "reconcile succeeds again")]
    partial void LogReconciled();
}
