using Docker.DotNet;
using Docker.DotNet.Models;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using Polly;
using Polly.Timeout;
using Version = System.Version;

namespace EbpfLb.Providers.Containers;

/// <summary>
/// A client of the container engine's socket. Uses the oldest API version that suffices, whose answers change least
/// between engines. Answers are untrusted.
/// </summary>
sealed class ContainerEngine : IDisposable
{
    static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);
    static readonly Version MinVersion = new(1, 41); // Docker 20.10

    /// <summary>The engine's health filters for containers that must not take flows.</summary>
    static readonly (string Name, BackendHealth Value)[] UnreadyStates =
        [("starting", BackendHealth.Unknown), ("unhealthy", BackendHealth.Down)];

    static readonly Dictionary<string, IDictionary<string, bool>> EventsOfInterest = new()
    {
        ["type"] = AnyOf(EngineEvent.Container, EngineEvent.Network),
        ["event"] = AnyOf(
            "start", "kill", "die", "stop", "destroy", "pause", "unpause", "rename", "update", "health_status", "connect",
            "disconnect"),
    };

    readonly ResiliencePipeline _timeout;
    readonly DockerClient _client;

    ContainerEngine(string endpoint, Version? version, ResiliencePipeline timeout)
    {
        var builder = new DockerClientBuilder().WithEndpoint(new Uri(endpoint));
        _client = (version is null ? builder : builder.WithApiVersion(version)).Build();
        _timeout = timeout;
    }

    /// <summary>Negotiates the API version.</summary>
    /// <exception cref="EngineException">The engine does not answer, or is too old.</exception>
    public static async Task<ContainerEngine> ConnectAsync(
        DockerConfiguration configuration, TimeProvider time, CancellationToken cancellation)
    {
        var timeout = new ResiliencePipelineBuilder { TimeProvider = time }.AddTimeout(RequestTimeout).Build();
        using var unversioned = new ContainerEngine(configuration.Endpoint, version: null, timeout);
        var answer = await unversioned.SendAsync(unversioned._client.System.GetVersionAsync, cancellation);
        if (!Version.TryParse(answer?.APIVersion, out var newest))
            throw new EngineException("its answer has no version of the API");
        if (newest < MinVersion)
            throw new EngineException($"its API has version {newest}, and {MinVersion} (Docker 20.10) is the oldest supported one");
        var version = Version.TryParse(answer.MinAPIVersion, out var least) && least > MinVersion ? least : MinVersion;
        return new ContainerEngine(configuration.Endpoint, version, timeout);
    }

    /// <summary>The running containers, including paused ones.</summary>
    /// <exception cref="EngineException">The engine did not answer.</exception>
    public async Task<ImmutableArray<Container>> ListAsync(CancellationToken cancellation)
    {
        // Health comes last: a container that starts between the requests must not count as healthy.
        var running = await ListContainersAsync(new(), cancellation);
        var unready = new Dictionary<string, BackendHealth>();
        foreach (var (filter, health) in UnreadyStates)
        {
            foreach (var container in await ListContainersAsync(new() { Filters = CreateFilter("health", filter) }, cancellation))
                unready[container.ID ?? ""] = health;
        }
        return
        [
            .. running
                .Select(container => Container.TryCreate(container, unready.GetValueOrDefault(container.ID ?? "")))
                .OfType<Container>(),
        ];
    }

    async Task<IEnumerable<ContainerListResponse>> ListContainersAsync(
        ContainersListParameters parameters, CancellationToken cancellation) =>
        (await SendAsync(token => _client.Containers.ListContainersAsync(parameters, token), cancellation) ?? [])
            .OfType<ContainerListResponse>();

    /// <returns>Null if the engine does not know the container.</returns>
    /// <exception cref="EngineException">The engine did not answer.</exception>
    public async Task<ContainerDetails?> InspectAsync(string id, CancellationToken cancellation)
    {
        try
        {
            var seen = await SendAsync(token => _client.Containers.InspectContainerAsync(id, token), cancellation);
            return new(
                StopSignal.Number(seen?.Config?.StopSignal),
                DateTimeOffset.TryParse(
                    seen?.State?.StartedAt, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var startedAt)
                    ? startedAt
                    : null);
        }
        catch (EngineException error) when (error.InnerException is DockerContainerNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Streams events, beginning with those that the engine remembers.</summary>
    /// <exception cref="EngineException">The engine did not answer, sent no event, or ended the stream.</exception>
    public async Task MonitorEventsAsync(DateTimeOffset since, Action<EngineEvent> handle, CancellationToken cancellation)
    {
        var parameters = new ContainerEventsParameters { Since = $"{since.ToUnixTimeSeconds()}", Filters = EventsOfInterest };
        try
        {
            await _client.System.MonitorEventsAsync(parameters, new EventSink(handle), cancellation);
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested)
        {
            throw CreateException(error);
        }
        cancellation.ThrowIfCancellationRequested();
        throw new EngineException("it ended the stream of events");
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Any error of the client counts as the engine's failure to answer.</summary>
    async Task<T> SendAsync<T>(Func<CancellationToken, Task<T>> request, CancellationToken cancellation)
    {
        try
        {
            return await _timeout.ExecuteAsync(async token => await request(token), cancellation);
        }
        catch (TimeoutRejectedException late)
        {
            throw new EngineException("no answer in time", late);
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested)
        {
            throw CreateException(error);
        }
    }

    static EngineException CreateException(Exception error) => new(error.Message.ReplaceLineEndings(" ").TrimEnd('.'), error);

    static Dictionary<string, IDictionary<string, bool>> CreateFilter(string key, string value) => new() { [key] = AnyOf(value) };

    static Dictionary<string, bool> AnyOf(params string[] values) => values.ToDictionary(value => value, _ => true);

    /// <summary>Synchronous and in order, unlike the framework's progress.</summary>
    sealed class EventSink(Action<EngineEvent> handle) : IProgress<Message>
    {
        public void Report(Message value) => handle(EngineEvent.From(value));
    }
}

/// <summary>Details that the engine's list does not have.</summary>
/// <param name="StopSignal">The signal that asks it to stop.</param>
/// <param name="StartedAt">The last start by the engine's clock; null if unknown.</param>
sealed record ContainerDetails(int StopSignal, DateTimeOffset? StartedAt);

/// <summary>The container engine did not answer, or not as expected.</summary>
/// <param name="reason">Without the full stop.</param>
sealed class EngineException(string reason, Exception? cause = null) : LoadBalancerException(reason, cause);
