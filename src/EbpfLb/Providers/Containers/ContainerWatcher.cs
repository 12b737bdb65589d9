using System.Threading.Channels;
using EbpfLb.Configuration;
using Polly;
using Polly.Retry;

namespace EbpfLb.Providers.Containers;

/// <summary>
/// Follows the containers with backend labels. Events only trigger: the engine's list decides. It is read after
/// events, on each connection and at an interval.
/// </summary>
/// <param name="ownAddresses">Returns the balancer's current addresses, which no backend may have.</param>
/// <param name="terminating">Containers that were sent their stop signal.</param>
sealed partial class ContainerWatcher(
    LoadBalancerConfiguration configuration, Func<IReadOnlySet<IPAddress>> ownAddresses, TerminatingContainersByEngine terminating,
    TimeProvider time, ILogger<ContainerWatcher> logger)
{
    /// <summary>The interval between two lists without events.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>How far back events are requested: a stop signal may have been sent before this connection.</summary>
    static readonly TimeSpan EventHistory = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A connection that lasts for so long is stable: the next one is made at once. An outage is over when so much time
    /// has passed since the connection's first list.
    /// </summary>
    static readonly TimeSpan StableConnection = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The first repetition of a list; it doubles up to the interval. Engines may report a pause or a network before
    /// their list has it.
    /// </summary>
    static readonly TimeSpan FirstRelist = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(1);
    const int StartRetries = 4;
    const int MaxQueuedEvents = 1024;

    readonly DockerConfiguration _docker = configuration.Docker!;
    readonly ContainerBackends _backends = new(configuration, ownAddresses, logger);
    readonly TerminatingContainers _terminating = terminating.ForEngine(configuration.Docker!.Endpoint);

    /// <summary>A slow reader gets the latest change only.</summary>
    readonly Channel<ImmutableArray<ContainerBackend>> _changes = Channel.CreateBounded<ImmutableArray<ContainerBackend>>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    ImmutableArray<Container> _listed = [];
    ImmutableArray<ContainerBackend> _published;
    bool _isDisconnected;

    /// <summary>The backends, now and at each change. They stay while the engine does not answer.</summary>
    /// <exception cref="LoadBalancerException">The engine does not answer at the start.</exception>
    public async IAsyncEnumerable<ImmutableArray<ContainerBackend>> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var follow = FollowAsync(stop.Token);
        try
        {
            await foreach (var backends in _changes.Reader.ReadAllAsync(cancellation))
                yield return backends;
        }
        finally
        {
            await stop.CancelAsync();
            await follow;
        }
    }

    /// <summary>Does not throw: an error or the cancellation completes the channel.</summary>
    async Task FollowAsync(CancellationToken cancellation)
    {
        try
        {
            await StartAsync(cancellation);
            while (true)
                await Backoff(int.MaxValue).ExecuteAsync(async token => await RunConnectionAsync(token), cancellation);
        }
        catch (Exception error)
        {
            _changes.Writer.Complete(error);
        }
    }

    /// <summary>Requires the engine to answer within a bounded number of retries.</summary>
    async Task StartAsync(CancellationToken cancellation)
    {
        try
        {
            await Backoff(StartRetries).ExecuteAsync(async token =>
            {
                using var engine = await ContainerEngine.ConnectAsync(_docker, time, token);
                await engine.ListAsync(token);
            }, cancellation);
        }
        catch (EngineException error)
        {
            throw new LoadBalancerException(
                $"listing the containers of the engine at {_docker.Endpoint} failed: {error.Message}. "
                + "Start the engine, give this process access to its socket, or configure another socket.", error);
        }
    }

    /// <summary>Runs one connection until it is lost; throws if it was lost soon.</summary>
    async Task RunConnectionAsync(CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        try
        {
            using var engine = await ContainerEngine.ConnectAsync(_docker, time, cancellation);
            await SynchronizeAsync(engine, cancellation);
        }
        catch (EngineException error)
        {
            if (!_isDisconnected)
                LogEngineDisconnected(_docker.Endpoint, error.Message);
            _isDisconnected = true;
            if (time.GetElapsedTime(began) < StableConnection)
                throw;
        }
    }

    /// <summary>Lists, and lists again after events. The stream starts first, so that no event is missed.</summary>
    async Task SynchronizeAsync(ContainerEngine engine, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var events = Channel.CreateBounded<EngineEvent>(MaxQueuedEvents);
        var (wait, isFirst) = (FirstRelist, true);
        long? firstListed = null;
        var listening = ReadEventsAsync(engine, events.Writer, stop.Token);
        try
        {
            while (true)
            {
                var noted = _terminating.Count;
                _listed = await engine.ListAsync(cancellation);
                _terminating.Prune(_listed.Select(container => container.Id), noted);
                firstListed ??= time.GetTimestamp();
                if (_isDisconnected && time.GetElapsedTime(firstListed.Value) >= StableConnection)
                {
                    LogEngineReconnected(_docker.Endpoint);
                    _isDisconnected = false;
                }
                var isListingDue = await ApplyEventsAsync(engine, events.Reader, cancellation);
                Publish();
                if (isFirst)
                {
                    await _terminating.VerifyAsync(id => engine.InspectAsync(id, cancellation));
                    Publish();
                }
                isFirst = false;
                while (!isListingDue && await WaitForEventAsync(events.Reader, wait, cancellation))
                {
                    isListingDue = await ApplyEventsAsync(engine, events.Reader, cancellation);
                    Publish(); // a container that was sent its stop signal leaves before the next list
                }
                wait = isListingDue ? FirstRelist : TimeSpan.FromTicks(Math.Min(2 * wait.Ticks, Interval.Ticks));
            }
        }
        finally
        {
            await stop.CancelAsync();
            await listening;
        }
    }

    /// <summary>Applies pending events; true if they require a new list.</summary>
    async Task<bool> ApplyEventsAsync(ContainerEngine engine, ChannelReader<EngineEvent> events, CancellationToken cancellation)
    {
        var isListingDue = false;
        while (events.TryRead(out var happened))
        {
            await _terminating.ObserveAsync(happened, id => engine.InspectAsync(id, cancellation));
            isListingDue |= happened.Action != EngineEvent.Kill;
        }
        return isListingDue;
    }

    /// <summary>Waits for an event; false if there is none in time.</summary>
    async Task<bool> WaitForEventAsync(ChannelReader<EngineEvent> events, TimeSpan wait, CancellationToken cancellation)
    {
        using var end = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(end.Token, cancellation);
        try
        {
            return await events.WaitToReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    void Publish()
    {
        var backends = _backends.Create(_listed, _terminating.Contains);
        if (!_published.IsDefault && _published.SequenceEqual(backends))
            return;
        _published = backends;
        _changes.Writer.TryWrite(backends);
    }

    /// <summary>Does not throw: an error of the stream completes the channel.</summary>
    async Task ReadEventsAsync(ContainerEngine engine, ChannelWriter<EngineEvent> events, CancellationToken cancellation)
    {
        try
        {
            await engine.MonitorEventsAsync(time.GetUtcNow() - EventHistory, Enqueue, cancellation);
        }
        catch (Exception error)
        {
            events.TryComplete(error);
        }

        void Enqueue(EngineEvent happened)
        {
            if (LabelledContainer.IsRelevant(happened) && !events.TryWrite(happened))
                events.TryComplete(new EngineException($"more than {MaxQueuedEvents} of its events wait"));
        }
    }

    ResiliencePipeline Backoff(int retries) => new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<EngineException>(),
            MaxRetryAttempts = retries,
            Delay = FirstPause,
            MaxDelay = MaxPause,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .Build();

    [LoggerMessage(LogLevel.Warning,
        "the container engine at {Endpoint} stopped answering ({Reason}); its backends stay as they were")]
    partial void LogEngineDisconnected(string endpoint, string reason);

    [LoggerMessage(LogLevel.Information, "the container engine at {Endpoint} answers again")]
    partial void LogEngineReconnected(string endpoint);
}
