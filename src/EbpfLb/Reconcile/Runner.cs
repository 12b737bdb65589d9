using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Hooks;
using EbpfLb.Instances;
using EbpfLb.Monitoring;
using EbpfLb.Providers;
using EbpfLb.Tables;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Reconcile;

/// <summary>Runs a load balancer: attaches it, follows its backends, reports its flows, and takes it down again.</summary>
sealed partial class Runner(
    LoadBalancerConfiguration configuration, IAsyncEnumerable<LoadBalancerConfiguration> changes, TextWriter output,
    TimeProvider time, ILoggerFactory loggers)
{
    static readonly TimeSpan ApplyInterval = TimeSpan.FromSeconds(5);

    readonly ILogger<Runner> _logger = loggers.CreateLogger<Runner>();
    readonly LoopMetrics _loop = new(time);
    ImmutableArray<ServiceSnapshot> _desired = [];

    /// <summary>
    /// Runs until it is cancelled; then nothing of it is left in the kernel, unless the configuration wants it to stay.
    /// </summary>
    /// <exception cref="LoadBalancerException">
    /// It could not start, and has changed nothing; or it could not go on, and the datapath does so without it.
    /// </exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        NetworkDevice[] devices = [.. configuration.Interfaces.Select(NetworkDevice.Find)];
        using var held = InstanceLock.TryTake(configuration.Interfaces, out var taken) ?? throw new LoadBalancerException(
            $"another ebpf-lb is running on interface '{taken}'. Stop that one first.");
        using var listener = configuration.Metrics is { } at ? TextServer.Bind(at) : null;

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var services = new LatestServices(
            (latest, token) => FollowAsync(latest, devices, token), loggers.CreateLogger<LatestServices>());
        using var check = new NetworkCheck(time);
        var health = new HealthWatch(check, time, loggers.CreateLogger<HealthWatch>());
        await using var snapshots = health.WatchAsync(services.WatchAsync(configuration, changes, stop.Token), stop.Token)
            .GetAsyncEnumerator(stop.Token);
        await snapshots.MoveNextAsync();
        _desired = snapshots.Current;

        if (BpfFs.Ensure())
            LogMountedBpfFs(BpfFs.Root);
        using var former = TakeOver(devices);
        using var attached = AttachedDatapath.Attach(
            configuration, devices, former, tables => Apply(new(tables), tables, devices));
        try
        {
            await BalanceAsync(attached, devices, listener, snapshots, stop, cancellation);
        }
        finally
        {
            if (cancellation.IsCancellationRequested && !configuration.LeaveAttached)
                attached.Detach();
            else
                LogLeftAttached(devices[0].Name, devices[0].Name);
        }
    }

    /// <summary>The tables of an ended process, where it left some and they are to go on; clears away what is not.</summary>
    LbTables? TakeOver(NetworkDevice[] devices)
    {
        var formers = devices.Select(device => Instance.On(device.Name)).OfType<string>().ToHashSet();
        var tables = configuration.Replace
            ? null
            : Adoption.TryOpen(formers, devices[0].Name, Datapath.LayoutFor(configuration.Flows));
        foreach (var former in tables is null ? formers.Append(devices[0].Name) : [])
        {
            if (Instance.Clear(former))
                LogClearedLeftovers(former);
        }
        return tables;
    }

    /// <summary>Reports flows and follows changes until it is cancelled.</summary>
    async Task BalanceAsync(
        AttachedDatapath attached, NetworkDevice[] devices, TcpListener? listener,
        IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> snapshots, CancellationTokenSource stop,
        CancellationToken cancellation)
    {
        foreach (var device in devices.Where(device => attached.Hook == HookKind.XdpNative && device.SendsFromXdp is null))
            LogUnknownPeer(device.Name);
        output.WriteLine(ReadyLine(attached, devices));
        output.Flush();

        await using var metrics = listener is null ? null : new TextServer(
            listener, MetricsSite.Of(devices[0].Name, attached.Tables, _loop).Answer, loggers.CreateLogger<TextServer>());

        using var reporter = new FlowReporter(attached, output, loggers.CreateLogger<FlowReporter>());
        var control = ControlAsync(attached, devices, snapshots, reporter, stop);
        try
        {
            await await Task.WhenAny(control, reporter.Ended);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The way to stop.
        }
        finally
        {
            await stop.CancelAsync();
            await control.ContinueWith(_ => { }, TaskScheduler.Default); // its fault, if it has one, was thrown above
        }
    }

    /// <summary>
    /// The one loop that writes the tables: at each change of the backends, and every few seconds in any case, for
    /// what changes without being told, the interfaces' own addresses among it.
    /// </summary>
    async Task ControlAsync(
        AttachedDatapath attached, NetworkDevice[] devices, IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> snapshots,
        FlowReporter reporter, CancellationTokenSource stop)
    {
        var cancellation = stop.Token;
        var reconciler = new Reconciler(attached.Tables);
        FlowSweeper.Expired expired = configuration.Events == EventLevel.Off ? (_, _, _, _) => { } : reporter.ReportExpired;
        var sweeps = new Sweeps(new FlowSweeper(attached.Tables, configuration.Timeouts, time), expired, time);
        PeerWatch[] peers = attached.Hook == HookKind.XdpNative
            ? [.. devices.Select(device => new PeerWatch(device, loggers.CreateLogger<PeerWatch>()))]
            : [];
        using var timer = new PeriodicTimer(ApplyInterval, time);
        var change = snapshots.MoveNextAsync().AsTask();
        var tick = timer.WaitForNextTickAsync(cancellation).AsTask();
        var sweep = sweeps.NextAsync(cancellation);
        var changed = time.GetTimestamp();
        try
        {
            while (true)
            {
                IReadOnlyDictionary<uint, int>? live = null;
                var changing = change;
                var first = await Task.WhenAny(changing, sweep, tick);
                if (first == changing)
                {
                    await change;
                    Change(snapshots.Current);
                    change = snapshots.MoveNextAsync().AsTask();
                }
                else if (first == sweep)
                {
                    var swept = await sweep;
                    // A backend that left since may have got a flow behind the sweep's back.
                    _loop.CountSweep(swept);
                    live = swept.Began > changed ? swept.Live : null;
                    sweep = sweeps.NextAsync(cancellation);
                }
                else
                {
                    await tick;
                    foreach (var peer in peers)
                        peer.Look();
                    tick = timer.WaitForNextTickAsync(cancellation).AsTask();
                }
                _loop.Pass(() => Apply(reconciler, attached.Tables, devices, live));
                if (first == changing)
                    changed = time.GetTimestamp();
            }
        }
        finally
        {
            // Also where the loop failed: nobody else would end the resolver then.
            await stop.CancelAsync();
            // The resolver and the sweep must have come to rest before what they use is disposed of.
            await Task.WhenAll(change, sweep).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>One pass. The first interface is the one whose addresses a service without one listens on.</summary>
    int Apply(
        Reconciler reconciler, LbTables tables, NetworkDevice[] devices, IReadOnlyDictionary<uint, int>? live = null) =>
        LinkReconciler.Apply(tables, devices) + reconciler.Apply(_desired, devices[0].Addresses(), live);

    void Change(ImmutableArray<ServiceSnapshot> desired)
    {
        var (before, now) = (BackendNames(_desired), BackendNames(desired));
        _desired = desired;
        if (!now.SetEquals(before))
            LogChanged(List(now.Except(before)), List(before.Except(now)));
    }

    /// <summary>Follows the services of one configuration.</summary>
    async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> FollowAsync(
        LoadBalancerConfiguration latest, NetworkDevice[] devices, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var discovery = new Discovery(latest, new SystemNameService(), time, loggers);
        var isFirst = true;
        await foreach (var services in discovery.WatchAsync(cancellation))
        {
            if (isFirst)
                RefuseOwnAddresses(services, devices);
            isFirst = false;
            yield return services;
        }
    }

    /// <summary>What the balancer sends to itself, its local stack would get: no backend is there.</summary>
    static void RefuseOwnAddresses(ImmutableArray<ServiceSnapshot> services, NetworkDevice[] devices)
    {
        var own = devices.SelectMany(device => device.Addresses().Select(address => (address, device.Name)))
            .ToLookup(one => one.address, one => one.Name);
        foreach (var service in services)
        {
            if (service.Backends.FirstOrDefault(backend => own.Contains(backend.Address)) is { } loop)
                throw new LoadBalancerException(
                    $"backend '{loop.Host}' of service '{service.Name}' is {loop.Address}, the balancer's own address on "
                    + $"{own[loop.Address].First()}. Run the balancer and its backends in network namespaces of their own.");
        }
    }

    static HashSet<string> BackendNames(ImmutableArray<ServiceSnapshot> services) =>
    [
        .. services.SelectMany(service => service.Backends.Select(
            backend => $"{service.Name} {Words.EndPoint(backend.Address, backend.Port)}")),
    ];

    static string List(IEnumerable<string> names) => string.Join(", ", names.Order().DefaultIfEmpty("none"));

    string ReadyLine(AttachedDatapath attached, NetworkDevice[] devices)
    {
        var services = KernelService.Of(_desired, devices[0].Addresses()).SelectMany(service =>
            service.Keys.Select(key => $"{service.Identity.Name} {key}"));
        return $"ready: {string.Join(", ", services)} on {Names(devices)} (hook {attached.Hook.Word()}: {attached.Why})"
            + (attached.IsAdopted ? $", adopted with {LiveFlows.CountedIn(attached.Tables)} flows" : "");
    }

    static string Names(IEnumerable<NetworkDevice> devices) => string.Join(", ", devices.Select(device => device.Name));

    [LoggerMessage(LogLevel.Information, "mounted a bpf file system on {Root}")]
    partial void LogMountedBpfFs(string root);

    [LoggerMessage(LogLevel.Warning, "removed what an ended ebpf-lb had left on {Device}")]
    partial void LogClearedLeftovers(string device);

    [LoggerMessage(LogLevel.Information, "the datapath on {Device} goes on by itself: the next `ebpf-lb run` takes it over, "
        + "`ebpf-lb detach --interface {Interface}` ends it")]
    partial void LogLeftAttached(string device, string @interface);

    [LoggerMessage(LogLevel.Warning, "native XDP on {Device}, a veth, loses what it sends unless the peer has an XDP program "
        + "or GRO on, and this kernel (before 6.3) does not tell; hook tc has no such needs")]
    partial void LogUnknownPeer(string device);

    [LoggerMessage(LogLevel.Information, "the backends changed; new: {New}; left: {Left}")]
    partial void LogChanged(string @new, string left);
}
