using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Events;
using EbpfLb.Flows;
using EbpfLb.Health;
using EbpfLb.Metrics;
using EbpfLb.Networking;
using EbpfLb.Providers;
using EbpfLb.Providers.Containers;
using EbpfLb.Providers.Names;
using EbpfLb.Reconcile;
using EbpfLb.Tables;

namespace EbpfLb.Hosting;

/// <summary>Runs a load balancer: attaches it, follows its backends, reports its flows and detaches it.</summary>
sealed partial class Runner(
    LoadBalancerConfiguration configuration, IAsyncEnumerable<LoadBalancerConfiguration> changes, TextWriter output,
    TimeProvider time, ILoggerFactory loggers)
{
    readonly ILogger<Runner> _logger = loggers.CreateLogger<Runner>();
    readonly LoopMetrics _loopMetrics = new(time);
    readonly TerminatingContainersByEngine _terminating = new();
    readonly HeldAddresses _names = new(time);
    ImmutableArray<ServiceSnapshot> _desired = [];
    ImmutableArray<IPAddress> _self = [];

    /// <summary>Runs until it is cancelled, then removes everything from the kernel unless it is to stay attached.</summary>
    /// <exception cref="LoadBalancerException">
    /// It could not start, and changed nothing unless it was to replace an ended process's state; or it could not
    /// continue, and the datapath stays attached.
    /// </exception>
    /// <param name="cancellation">Asks it to end.</param>
    /// <param name="repeated">Ends its withdrawal.</param>
    public async Task RunAsync(CancellationToken cancellation, CancellationToken repeated = default)
    {
        Preflight.RequirePrivileges();
        using var interfaces = new BalancedInterfaces(configuration, time, loggers.CreateLogger<BalancedInterfaces>());
        using var listener = configuration.Metrics is { } at ? MetricsServer.Bind(at) : null;

        using var stop = new CancellationTokenSource();
        using var starting = cancellation.Register(stop.Cancel);
        var services = new DynamicConfiguration(
            (latest, token) => FollowAsync(latest, interfaces.Devices, token), time, loggers.CreateLogger<DynamicConfiguration>());
        using var check = new NetworkCheck(time);
        if (BpfFs.Ensure())
            LogBpfFsMounted(BpfFs.Root);
        using var stale = StaleInstances.Find(
            interfaces.Names, configuration.Replace ? null : LoadedDatapath.LayoutFor(AttachedDatapath.SizesFor(configuration)),
            loggers.CreateLogger<StaleInstances>());
        var down = stale.Tables is { } former ? KernelState.Read(former).Down : null;
        var health = new HealthMonitor(check, time, loggers.CreateLogger<HealthMonitor>(), down);
        await using var snapshots = health.WatchAsync(services.WatchAsync(configuration, changes, stop.Token), stop.Token)
            .GetAsyncEnumerator(stop.Token);
        await snapshots.MoveNextAsync();
        _desired = snapshots.Current;

        using var attached = AttachedDatapath.Attach(
            configuration, interfaces.Devices, stale, tables => FillTables(tables, interfaces.Devices, isAdopted: stale.Tables is not null));
        stale.Dispose(); // unlocks interfaces that are not used any more
        starting.Dispose(); // from now on it withdraws first
        try
        {
            ReserveSubstitutes(attached.Tables);
            await BalanceAsync(attached, interfaces, listener, snapshots, stop, cancellation, repeated);
        }
        finally
        {
            if (!cancellation.IsCancellationRequested || configuration.LeaveAttached)
            {
                LogLeftAttached(string.Join(", ", interfaces.Names), interfaces.Names[0]);
            }
            else
            {
                attached.Detach();
                LogDetached(string.Join(", ", interfaces.Names));
            }
        }
    }

    /// <summary>A refusal only costs the warning.</summary>
    void ReserveSubstitutes(LbTables tables)
    {
        var ports = SnatPorts.Read();
        if (ports.NeedReservation && ReservedPorts.Reserve(tables, ports.Substitutes) is { } refusal)
            LogPortsNotReserved(ports.Substitutes, ports.Local, refusal, PortReservation.Remedy(ports.Substitutes));
    }

    /// <summary>The pass before the first packet. Adopted tables may still hold backends that drain.</summary>
    void FillTables(LbTables tables, IReadOnlyList<NetworkDevice> devices, bool isAdopted)
    {
        var reconciler = new Reconciler(tables);
        LinkReconciler.Apply(tables, devices);
        _self = devices[0].Addresses();
        reconciler.Apply(_desired, _self);
        if (reconciler.Shortage is { } shortage && !isAdopted)
            throw new LoadBalancerException(shortage);
    }

    /// <summary>Reports flows and follows changes until it is cancelled.</summary>
    async Task BalanceAsync(
        AttachedDatapath attached, BalancedInterfaces interfaces, Socket? listener,
        IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> snapshots, CancellationTokenSource stop,
        CancellationToken cancellation, CancellationToken repeated)
    {
        var devices = interfaces.Devices;
        foreach (var device in devices.Where(device => attached.Choice.Hook == HookKind.XdpNative && device.CanTransmitXdp is null))
            LogVethPeerUnknown(device.Name);
        foreach (var device in devices.Count > 1 ? devices : [])
            WarnIfNotForwarding(device);
        if (attached.Choice.Refusal is { } refused)
        {
            LogHookFallback(attached.Choice.Hook.ToConfigString(), refused.Message);
            LogVerifierLog(refused.Log);
        }
        if (attached.TcRefusal is { } refusal)
        {
            LogCompatibleTcUsed(refusal.Message);
            LogVerifierLog(refusal.Log);
        }
        await using var metrics = listener is null ? null : await MetricsServer.StartAsync(
            listener, MetricsEndpoint.Create(devices[0].Name, attached.Tables, _loopMetrics).Respond, loggers, cancellation);

        using var reporter = new FlowReporter(
            attached.Tables.Events, new SuppressedEvents(attached.Tables, configuration.EventsPerSecond, time),
            CreateEventWriter(attached.ServiceName), ReadyLine(attached, interfaces.Names), loggers.CreateLogger<FlowReporter>());
        var control = new ControlLoop(configuration, attached, interfaces, _loopMetrics, time, loggers)
            .RunAsync(_desired, _self, snapshots, reporter, stop);
        var neighbours = new NeighbourMonitor(attached.Tables, time, loggers.CreateLogger<NeighbourMonitor>()).RunAsync(stop.Token);
        var withdrawal = WithdrawAsync(attached, stop, cancellation, repeated);
        try
        {
            var ended = await Task.WhenAny(control, neighbours, reporter.Ended, withdrawal);
            // The loop cancels the others when it fails: the error is its own.
            await (ended.IsCanceled && (ended == neighbours || ended == withdrawal) ? control : ended);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // stopped on request
        }
        finally
        {
            await stop.CancelAsync();
            // The errors, if any, were thrown above.
            await Task.WhenAll(control, neighbours, withdrawal).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Waits until the process is asked to end. For the configured time it then reports the balancer as unhealthy, while
    /// everything goes on. After that, or if it is asked again, it stops everything.
    /// </summary>
    async Task WithdrawAsync(
        AttachedDatapath attached, CancellationTokenSource stop, CancellationToken asked, CancellationToken repeated)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, asked);
        await Task.Delay(Timeout.InfiniteTimeSpan, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (configuration.WithdrawFor > TimeSpan.Zero && !stop.IsCancellationRequested)
        {
            attached.Withdraw(configuration.WithdrawFor);
            LogWithdrawn(Duration.Format(configuration.WithdrawFor));
            using var end = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, repeated);
            await Task.Delay(configuration.WithdrawFor, time, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        stop.Token.ThrowIfCancellationRequested();
        await stop.CancelAsync();
    }

    IEventWriter CreateEventWriter(Func<uint, string> serviceName) => configuration.Logs == LogFormat.Json
        ? new EventJson(output, serviceName, time)
        : new EventLines(output, serviceName);

    /// <summary>The interface may be gone and sysctl files hidden: both only cost the warning.</summary>
    void WarnIfNotForwarding(NetworkDevice device)
    {
        try
        {
            foreach (var setting in Forwarding.DisabledSettings(device))
                LogForwardingOff(device.Name, Forwarding.Remedy(setting));
        }
        catch (LoadBalancerException error)
        {
            LogForwardingUnknown(device.Name, error.Message);
        }
    }

    /// <summary>Follows the services of one configuration.</summary>
    async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> FollowAsync(
        LoadBalancerConfiguration latest, IReadOnlyList<NetworkDevice> devices,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var discovery = new Discovery(latest, new SystemNameResolver(), _names, Preflight.OwnAddresses, _terminating, time, loggers);
        var isFirst = true;
        await foreach (var services in discovery.WatchAsync(cancellation))
        {
            if (isFirst)
                Preflight.Check(services, devices);
            isFirst = false;
            yield return services;
        }
    }

    string ReadyLine(AttachedDatapath attached, IReadOnlyList<string> devices)
    {
        var services = KernelService.Create(_desired, _self).SelectMany(service =>
            service.Keys.Select(key => $"{service.Identity.Name} {key}"));
        return $"ready: {string.Join(", ", services)} on {string.Join(", ", devices)} (hook {attached.Choice.Hook.ToConfigString()}: {attached.Choice.Reason})"
            + (attached.IsAdopted ? $", adopted with {LiveFlows.Describe(LiveFlows.Count(attached.Tables).Values.Sum(flows => (long)flows))}" : "");
    }

    [LoggerMessage(LogLevel.Information, "withdrawing: unhealthy and forwarding for {Duration}, then the end. A second signal ends it now.")]
    partial void LogWithdrawn(string duration);

    [LoggerMessage(LogLevel.Information, "mounted a bpf file system on {Root}")]
    partial void LogBpfFsMounted(string root);

    [LoggerMessage(LogLevel.Information, "the datapath stays attached on {Devices}: the next `ebpf-lb run` adopts it, "
        + "`ebpf-lb detach --interface {Interface}` removes it")]
    partial void LogLeftAttached(string devices, string @interface);

    [LoggerMessage(LogLevel.Information, "detached from {Devices}")]
    partial void LogDetached(string devices);

    [LoggerMessage(LogLevel.Warning, "reserving ports {Ports} in net.ipv4.ip_local_port_range ({Local}) failed: {Reason} "
        + "A local connection to a backend may get the port of a client's flow. Run `{Remedy}`.")]
    partial void LogPortsNotReserved(PortRange ports, PortRange local, string reason, string remedy);

    [LoggerMessage(LogLevel.Warning, "forwarding is off on {Device}: packets between it and backends behind another "
        + "interface are lost. Run `{Remedy}`.")]
    partial void LogForwardingOff(string device, string remedy);

    [LoggerMessage(LogLevel.Warning, "packets from {Device} to another interface may be lost: {Reason}")]
    partial void LogForwardingUnknown(string device, string reason);

    [LoggerMessage(LogLevel.Warning, "native XDP was refused, and hook {Hook} is in use instead: {Reason}")]
    partial void LogHookFallback(string hook, string reason);

    [LoggerMessage(LogLevel.Warning, "the tc program for older kernels is in use, which needs more time per packet: {Reason}")]
    partial void LogCompatibleTcUsed(string reason);

    [LoggerMessage(LogLevel.Debug, "the kernel's log of the program that it refused:\n{Log}")]
    partial void LogVerifierLog(string? log);

    [LoggerMessage(LogLevel.Warning, "native XDP on {Device}, a veth, loses what it sends unless the peer has an XDP program "
        + "or GRO, and this kernel (before 6.3) reports neither. Use --hook tc if packets are lost.")]
    partial void LogVethPeerUnknown(string device);
}
