using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using EbpfLb.Configuration;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace EbpfLb.Providers.Containers;

/// <summary>
/// Keeps track of the containers that are labelled as backends. Events only say when to look: what is true is in the
/// engine's listing, which follows them, and in any case every connection and some time.
/// </summary>
/// <param name="configuration">Which engine, which services, and which network.</param>
/// <param name="ownAddresses">The balancer's own, at the moment, which can be no backend's.</param>
/// <param name="departures">Who was told to stop, as far as it is known by now.</param>
/// <param name="time">For pauses.</param>
/// <param name="logger">Told of what cannot be, and of an engine that does not answer.</param>
sealed partial class ContainerFollower(
    LoadBalancerConfiguration configuration, Func<IReadOnlySet<IPAddress>> ownAddresses, DeparturesByEngine departures,
    TimeProvider time, ILogger<ContainerFollower> logger)
{
    /// <summary>How long between two listings where nothing has happened for a while.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>How far back events are asked for: who was told to stop before this connection may be leaving still.</summary>
    static readonly TimeSpan LongestFarewell = TimeSpan.FromMinutes(10);

    /// <summary>A connection that lasts so long is none that failed: it ends an outage, and the next is made at once.</summary>
    static readonly TimeSpan Lasting = TimeSpan.FromSeconds(2);

    /// <summary>
    /// From one listing to the next, doubling up to the interval: engines may tell of a pause, or of a network, before
    /// their listing has it.
    /// </summary>
    static readonly TimeSpan SecondLook = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    const int RetriesAtTheStart = 4;
    const int MostEventsAhead = 1024;

    readonly DockerConfiguration _docker = configuration.Docker!;
    readonly ContainerBackends _backends = new(configuration, ownAddresses, logger);
    readonly Departures _departures = departures.Of(configuration.Docker!.Endpoint);
    ImmutableArray<Container> _listed = [];
    ImmutableArray<ContainerBackend> _told;
    bool _isLost;

    /// <summary>
    /// The backends: at once, and again whenever something changed, without end. While the engine does not answer they
    /// stay what they were.
    /// </summary>
    /// <exception cref="LoadBalancerException">The engine does not answer at the start.</exception>
    public async IAsyncEnumerable<ImmutableArray<ContainerBackend>> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // Who is slow to take a change gets the next one in its place.
        var changes = Channel.CreateBounded<ImmutableArray<ContainerBackend>>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        var follow = FollowAsync(changes.Writer, stop.Token);
        try
        {
            await foreach (var backends in changes.Reader.ReadAllAsync(cancellation))
                yield return backends;
        }
        finally
        {
            await stop.CancelAsync();
            await follow;
        }
    }

    /// <summary>Never fails: its fault, or its cancellation, is the channel's end.</summary>
    async Task FollowAsync(ChannelWriter<ImmutableArray<ContainerBackend>> changes, CancellationToken cancellation)
    {
        try
        {
            await StartAsync(cancellation);
            while (true)
                await Backoff(int.MaxValue).ExecuteAsync(async token => await LiveAsync(changes, token), cancellation);
        }
        catch (Exception fault)
        {
            changes.Complete(fault);
        }
    }

    /// <summary>Makes sure of the engine, with patience that ends.</summary>
    async Task StartAsync(CancellationToken cancellation)
    {
        try
        {
            await Backoff(RetriesAtTheStart).ExecuteAsync(async token =>
            {
                using var engine = await ContainerEngine.ConnectAsync(_docker, time, token);
                await engine.ListAsync(token);
            }, cancellation);
        }
        catch (EngineException fault)
        {
            throw new LoadBalancerException(
                $"asking the container engine at {_docker.Endpoint} for backends failed: {fault.Message}. "
                + "Start the engine, give this process access to its socket, or configure another socket.", fault);
        }
    }

    /// <summary>One connection, until it is lost; fails only where that was soon.</summary>
    async Task LiveAsync(ChannelWriter<ImmutableArray<ContainerBackend>> changes, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        try
        {
            using var engine = await ContainerEngine.ConnectAsync(_docker, time, cancellation);
            await ConverseAsync(engine, began, changes, cancellation);
        }
        catch (EngineException fault)
        {
            if (!_isLost)
                LogLost(_docker.Endpoint, fault.Message);
            _isLost = true;
            if (time.GetElapsedTime(began) < Lasting)
                throw;
        }
    }

    /// <summary>Lists, and again whenever something is heard: what happens before it is listened to is heard as well.</summary>
    async Task ConverseAsync(
        ContainerEngine engine, long began, ChannelWriter<ImmutableArray<ContainerBackend>> changes,
        CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var events = Channel.CreateBounded<EngineEvent>(MostEventsAhead);
        var (patience, isFirst) = (SecondLook, true);
        var listening = ListenAsync(engine, events.Writer, stop.Token);
        try
        {
            while (true)
            {
                var noted = _departures.Count;
                _listed = await engine.ListAsync(cancellation);
                _departures.Keep(_listed.Select(container => container.Id), noted);
                if (_isLost && time.GetElapsedTime(began) >= Lasting)
                {
                    LogFound(_docker.Endpoint);
                    _isLost = false;
                }
                var isListingDue = await HearAsync(engine, events.Reader, cancellation);
                Tell(changes);
                if (isFirst)
                {
                    await _departures.MakeSureAsync(id => engine.InspectAsync(id, cancellation));
                    Tell(changes);
                }
                isFirst = false;
                while (!isListingDue && await WaitAsync(events.Reader, patience, cancellation))
                {
                    isListingDue = await HearAsync(engine, events.Reader, cancellation);
                    Tell(changes); // who was told to stop leaves before the listing
                }
                patience = isListingDue ? SecondLook : TimeSpan.FromTicks(Math.Min(2 * patience.Ticks, Interval.Ticks));
            }
        }
        finally
        {
            await stop.CancelAsync();
            await listening;
        }
    }

    /// <summary>Takes what has happened into account; true where it is worth a listing.</summary>
    async Task<bool> HearAsync(ContainerEngine engine, ChannelReader<EngineEvent> events, CancellationToken cancellation)
    {
        var isListingDue = false;
        while (events.TryRead(out var happened))
        {
            await _departures.NoteAsync(happened, id => engine.InspectAsync(id, cancellation));
            isListingDue |= happened.Action != EngineEvent.Kill;
        }
        return isListingDue;
    }

    /// <summary>Waits for something to happen; false where nothing did for a while.</summary>
    async Task<bool> WaitAsync(ChannelReader<EngineEvent> events, TimeSpan patience, CancellationToken cancellation)
    {
        using var end = new CancellationTokenSource(patience, time);
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

    void Tell(ChannelWriter<ImmutableArray<ContainerBackend>> changes)
    {
        var backends = _backends.Of(_listed, _departures.Contains);
        if (!_told.IsDefault && _told.SequenceEqual(backends))
            return;
        _told = backends;
        changes.TryWrite(backends);
    }

    /// <summary>Never fails: the stream's fault is the channel's end.</summary>
    async Task ListenAsync(ContainerEngine engine, ChannelWriter<EngineEvent> events, CancellationToken cancellation)
    {
        try
        {
            await engine.ListenAsync(time.GetUtcNow() - LongestFarewell, Hear, cancellation);
        }
        catch (Exception fault)
        {
            events.TryComplete(fault);
        }

        void Hear(EngineEvent happened)
        {
            if (LabelledContainer.IsConcernedBy(happened) && !events.TryWrite(happened))
                events.TryComplete(new EngineException($"it is {MostEventsAhead} events ahead"));
        }
    }

    ResiliencePipeline Backoff(int retries) => new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<EngineException>(),
            MaxRetryAttempts = retries,
            Delay = FirstPause,
            MaxDelay = LongestPause,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .Build();

    [LoggerMessage(LogLevel.Warning,
        "the container engine at {Endpoint} stopped answering ({Reason}); the backends that it told of stay as they were")]
    partial void LogLost(string endpoint, string reason);

    [LoggerMessage(LogLevel.Information, "the container engine at {Endpoint} answers again")]
    partial void LogFound(string endpoint);
}
