using System.Collections.Immutable;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Events;
using EbpfLb.Flows;
using EbpfLb.Metrics;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Hosting;

/// <summary>
/// The one loop that writes the tables: at each change of the backends, after each collection, and every few seconds in any
/// case, for what changes without being told, the interfaces' own addresses among it.
/// </summary>
sealed partial class ControlLoop(
    LoadBalancerConfiguration configuration, AttachedDatapath attached, NetworkDevice[] devices, LoopMetrics metrics,
    TimeProvider time, ILoggerFactory loggers)
{
    static readonly TimeSpan ApplyInterval = TimeSpan.FromSeconds(5);

    readonly ILogger<ControlLoop> _logger = loggers.CreateLogger<ControlLoop>();
    readonly Reconciler _reconciler = new(attached.Tables);
    readonly HashSet<NetworkDevice> _lost = [];
    ImmutableArray<ServiceSnapshot> _desired = [];
    ImmutableArray<IPAddress> _self = [];
    string? _gcError;
    string? _peerError;
    string? _reportedError;

    /// <summary>Runs until it is stopped; a pass or a collection that fails is told of, and tried again with the next.</summary>
    /// <param name="desired">What the tables have been filled with.</param>
    /// <param name="self">The first interface's addresses, as they were then.</param>
    /// <param name="snapshots">What is desired next.</param>
    /// <param name="reporter">Told of flows that gc end.</param>
    /// <param name="stop">Stops it; cancelled by itself when it ends.</param>
    public async Task RunAsync(
        ImmutableArray<ServiceSnapshot> desired, ImmutableArray<IPAddress> self,
        IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> snapshots, FlowReporter reporter, CancellationTokenSource stop)
    {
        (_desired, _self) = (desired, self);
        var cancellation = stop.Token;
        FlowGarbageCollector.Expired expired = configuration.Events == EventLevel.Off ? (_, _, _, _) => { } : reporter.ReportExpired;
        var gc = new GcSchedule(new FlowGarbageCollector(attached.Tables, configuration.Timeouts, time), expired, time);
        VethPeerMonitor[] peers = attached.Hook == HookKind.XdpNative
            ? [.. devices.Select(device => new VethPeerMonitor(device, loggers.CreateLogger<VethPeerMonitor>()))]
            : [];
        using var timer = new PeriodicTimer(ApplyInterval, time);
        var change = snapshots.MoveNextAsync().AsTask();
        var tick = timer.WaitForNextTickAsync(cancellation).AsTask();
        var collection = gc.RunNextAsync(cancellation);
        var changed = time.GetTimestamp();
        try
        {
            while (true)
            {
                IReadOnlyDictionary<uint, int>? live = null;
                var first = await Task.WhenAny(change, collection, tick);
                if (first == change)
                {
                    await change;
                    UpdateDesired(snapshots.Current);
                    change = snapshots.MoveNextAsync().AsTask();
                }
                else if (first == collection)
                {
                    _gcError = await ErrorOfAsync(async () =>
                    {
                        var result = await collection;
                        metrics.ObserveGc(result);
                        // A backend that left since may have got a flow behind the collection's back.
                        live = result.StartedAt > changed ? result.LiveFlows : null;
                    });
                    collection = gc.RunNextAsync(cancellation);
                }
                else
                {
                    await tick;
                    _peerError = await ErrorOfAsync(() =>
                    {
                        Array.ForEach(peers, peer => peer.Check());
                        return Task.CompletedTask;
                    });
                    tick = timer.WaitForNextTickAsync(cancellation).AsTask();
                }
                if (Pass(live))
                    changed = time.GetTimestamp();
            }
        }
        finally
        {
            // Also where the loop failed: nobody else would end the resolver then.
            await stop.CancelAsync();
            // The resolver and the collection must have come to rest before what they use is disposed of.
            await Task.WhenAll(change, collection).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>One pass; what it could not do is told once, and left to the next.</summary>
    /// <returns>Whether it changed an entry, as far as is known.</returns>
    bool Pass(IReadOnlyDictionary<uint, int>? live)
    {
        int links = 0, entries = 0;
        List<string> errors = [.. new[] { _gcError, _peerError }.OfType<string>()];
        bool isKnown = false, isWhole = true;
        metrics.ObservePass(() =>
        {
            Attempt(() => links = ApplyLinks());
            isKnown = Attempt(() => entries = _reconciler.Apply(_desired, _self, live));
            return (links + entries, IsWhole: isWhole);
        });
        if (isKnown && _reconciler.Shortage is { } shortage)
            errors.Add(shortage);
        ReportError(errors.Count == 0 ? null : string.Join(' ', errors));
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

    /// <summary>What was in the way of something beside the tables, which is tried again; null where nothing was.</summary>
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

    void ReportError(string? error)
    {
        if (error is not null && error != _reportedError)
            LogReconcileFailed(error);
        else if (error is null && _reportedError is not null)
            LogReconciled();
        _reportedError = error;
    }

    /// <summary>
    /// The first interface is the one whose addresses a service without one listens on: those that it had last where it is
    /// gone or does not tell, since others still know flows to them.
    /// </summary>
    int ApplyLinks()
    {
        var left = PresentDevices();
        if (left[0] == devices[0])
            _self = devices[0].Addresses();
        return LinkReconciler.Apply(attached.Tables, left);
    }

    /// <summary>The interfaces that are there yet; all where none is, for whoever asks about one to tell.</summary>
    NetworkDevice[] PresentDevices()
    {
        NetworkDevice[] left = [.. devices.Where(device => device.IsPresent)];
        if (left.Length == 0)
            return devices;
        foreach (var lost in devices.Except(left).Where(_lost.Add))
            LogInterfaceGone(lost.Name, JoinNames(left.Select(device => device.Name)));
        return left;
    }

    void UpdateDesired(ImmutableArray<ServiceSnapshot> desired)
    {
        var (before, now) = (BackendNames(_desired), BackendNames(desired));
        _desired = desired;
        if (!now.SetEquals(before))
            LogBackendsChanged(JoinNames(now.Except(before)), JoinNames(before.Except(now)));
    }

    static HashSet<string> BackendNames(ImmutableArray<ServiceSnapshot> services) =>
    [
        .. services.SelectMany(service => service.Backends.Select(
            backend => $"{service.Name} {DescribeBackend(backend)}")),
    ];

    /// <summary>Its endpoint and, where it was configured or found by a name, that.</summary>
    static string DescribeBackend(BackendSnapshot backend)
    {
        var endPoint = EndPoints.Format(backend.Address, backend.Port);
        return backend.Host == $"{backend.Address}" ? endPoint : $"{endPoint} ({backend.Host})";
    }

    static string JoinNames(IEnumerable<string> names) => string.Join(", ", names.Order().DefaultIfEmpty("none"));

    [LoggerMessage(LogLevel.Information, "the backends changed; new: {New}; left: {Left}")]
    partial void LogBackendsChanged(string @new, string left);

    [LoggerMessage(LogLevel.Error, "interface {Device} is gone, and what it led to; balancing goes on on {Left}. Start ebpf-lb "
        + "again to stand on another of its name.")]
    partial void LogInterfaceGone(string device, string left);

    [LoggerMessage(LogLevel.Error, "the tables are not as desired: {Error} It is tried again every few seconds.")]
    partial void LogReconcileFailed(string error);

    [LoggerMessage(LogLevel.Information, "the tables are as desired again")]
    partial void LogReconciled();
}
