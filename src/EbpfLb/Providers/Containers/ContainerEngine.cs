using System.Collections.Immutable;
using System.Globalization;
using Docker.DotNet;
using Docker.DotNet.Models;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using Polly;
using Polly.Timeout;
using Version = System.Version;

namespace EbpfLb.Providers.Containers;

/// <summary>
/// A container engine over its socket, spoken to in the oldest version of its API that will do: that is the one whose
/// answers engines change least. All that it says is hostile until it has been looked at.
/// </summary>
sealed class ContainerEngine : IDisposable
{
    static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);
    static readonly Version MinVersion = new(1, 41); // Docker 20.10

    /// <summary>Its words for containers whose own checks keep them from taking flows.</summary>
    static readonly (string Word, BackendHealth Value)[] UnreadyStates =
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

    /// <summary>Finds out what version of its API the engine speaks.</summary>
    /// <exception cref="EngineException">Nobody answers, or an engine that is too old.</exception>
    public static async Task<ContainerEngine> ConnectAsync(
        DockerConfiguration configuration, TimeProvider time, CancellationToken cancellation)
    {
        var timeout = new ResiliencePipelineBuilder { TimeProvider = time }.AddTimeout(RequestTimeout).Build();
        using var unversioned = new ContainerEngine(configuration.Endpoint, version: null, timeout);
        var answer = await unversioned.SendAsync(unversioned._client.System.GetVersionAsync, cancellation);
        if (!Version.TryParse(answer?.APIVersion, out var newest))
            throw new EngineException("its answer names no version of the API");
        if (newest < MinVersion)
            throw new EngineException($"its API has version {newest}, and {MinVersion} (Docker 20.10) is the oldest that will do");
        var version = Version.TryParse(answer.MinAPIVersion, out var least) && least > MinVersion ? least : MinVersion;
        return new ContainerEngine(configuration.Endpoint, version, timeout);
    }

    /// <summary>The containers that run, paused ones included.</summary>
    /// <exception cref="EngineException">It did not answer.</exception>
    public async Task<ImmutableArray<Container>> ListAsync(CancellationToken cancellation)
    {
        // Their health is asked for last: one that starts between the questions must not be taken for healthy.
        var running = await ListContainersAsync(new(), cancellation);
        var doubted = new Dictionary<string, BackendHealth>();
        foreach (var (word, health) in UnreadyStates)
        {
            foreach (var container in await ListContainersAsync(new() { Filters = CreateFilter("health", word) }, cancellation))
                doubted[container.ID ?? ""] = health;
        }
        return
        [
            .. running
                .Select(container => Container.TryCreate(container, doubted.GetValueOrDefault(container.ID ?? "")))
                .OfType<Container>(),
        ];
    }

    async Task<IEnumerable<ContainerListResponse>> ListContainersAsync(
        ContainersListParameters parameters, CancellationToken cancellation) =>
        (await SendAsync(token => _client.Containers.ListContainersAsync(parameters, token), cancellation) ?? [])
            .OfType<ContainerListResponse>();

    /// <summary>Looks a container up.</summary>
    /// <returns>Null where the engine does not know the container any more.</returns>
    /// <exception cref="EngineException">It did not answer.</exception>
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

    /// <summary>Hears what happens from now on, after what the engine remembers from before.</summary>
    /// <param name="since">How far back.</param>
    /// <param name="hear">Takes each event.</param>
    /// <param name="cancellation">The one way to end it well.</param>
    /// <exception cref="EngineException">It did not answer, what it said is not of events, or it said no more.</exception>
    public async Task MonitorEventsAsync(DateTimeOffset since, Action<EngineEvent> hear, CancellationToken cancellation)
    {
        var parameters = new ContainerEventsParameters { Since = $"{since.ToUnixTimeSeconds()}", Filters = EventsOfInterest };
        try
        {
            await _client.System.MonitorEventsAsync(parameters, new EventSink(hear), cancellation);
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested)
        {
            throw CreateException(error);
        }
        cancellation.ThrowIfCancellationRequested();
        throw new EngineException("it ended the stream of events");
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Whatever goes wrong between here and the engine is its failure to answer: a client meets anything there.</summary>
    async Task<T> SendAsync<T>(Func<CancellationToken, Task<T>> question, CancellationToken cancellation)
    {
        try
        {
            return await _timeout.ExecuteAsync(async token => await question(token), cancellation);
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

    /// <summary>Hears at once; the framework's own progress would hear later, in any order.</summary>
    sealed class EventSink(Action<EngineEvent> hear) : IProgress<Message>
    {
        public void Report(Message value) => hear(EngineEvent.From(value));
    }
}
