using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Providers.Containers;

/// <summary>Turns containers into backends. Logs label errors and health when they change.</summary>
/// <param name="ownAddresses">Returns the balancer's addresses; may throw <see cref="LoadBalancerException"/>.</param>
sealed partial class ContainerBackends(
    LoadBalancerConfiguration configuration, Func<IReadOnlySet<IPAddress>> ownAddresses, ILogger logger)
{
    Dictionary<string, ImmutableArray<ConfigurationError>> _reported = []; // of ignored containers, by id
    Dictionary<string, bool> _down = []; // containers with backends, by id

    IReadOnlySet<IPAddress>? _own;
    bool _isOwnAddressesUnknown;
    bool _isNetworkEmpty;

    /// <param name="isTerminating">True for the id of a container that was sent its stop signal.</param>
    /// <returns>In the order of the containers' names.</returns>
    public ImmutableArray<ContainerBackend> Create(ImmutableArray<Container> containers, Predicate<string> isTerminating)
    {
        var backends = ImmutableArray.CreateBuilder<ContainerBackend>();
        var own = OwnAddresses();
        var faulty = new Dictionary<string, ImmutableArray<ConfigurationError>>();
        var down = new Dictionary<string, bool>();
        foreach (var container in containers.Where(LabelledContainer.IsLabelled)
            .OrderBy(container => container.Name, StringComparer.Ordinal).ThenBy(container => container.Id, StringComparer.Ordinal))
        {
            var (found, errors) = new LabelledContainer(
                configuration, own, container with { IsTerminating = isTerminating(container.Id) }).Read();
            backends.AddRange(found);
            if (errors.Length > 0)
                faulty[container.Id] = errors;
            if (found.Length > 0)
                down[container.Id] = Report(container);
        }
        Report(faulty);
        ReportNetwork(containers, backends.Count);
        _down = down;
        return backends.ToImmutable();
    }

    /// <summary>The last known addresses if they cannot be read now: another list follows.</summary>
    IReadOnlySet<IPAddress> OwnAddresses()
    {
        try
        {
            _own = ownAddresses();
            _isOwnAddressesUnknown = false;
        }
        catch (LoadBalancerException error) when (_own is not null)
        {
            if (!_isOwnAddressesUnknown)
                LogOwnAddressesUnknown(error.Message);
            _isOwnAddressesUnknown = true;
        }
        return _own;
    }

    bool Report(Container container)
    {
        var isDown = container.Health == BackendHealth.Down;
        if (_down.TryGetValue(container.Id, out var wasDown) && isDown != wasDown)
        {
            if (isDown)
                LogContainerDown(container.Name);
            else
                LogContainerUp(container.Name);
        }
        return isDown;
    }

    void Report(Dictionary<string, ImmutableArray<ConfigurationError>> faulty)
    {
        foreach (var (id, errors) in faulty)
        {
            if (_reported.TryGetValue(id, out var before) && before.SequenceEqual(errors))
                continue;
            foreach (var error in errors)
                LogContainerIgnored(error);
        }
        _reported = faulty;
    }

    /// <summary>Engines do not list what a name is near to, and a proxy may pass no request about networks.</summary>
    void ReportNetwork(ImmutableArray<Container> containers, int backends)
    {
        var network = configuration.Docker!.Network;
        var isEmpty = backends == 0 && containers.All(container => !container.Networks.ContainsKey(network));
        if (isEmpty && !_isNetworkEmpty)
            LogNetworkEmpty(network, containers.SelectMany(container => container.Networks.Keys).Distinct().Order(StringComparer.Ordinal).ToArray()
                is { Length: > 0 } others ? $"There are containers on: {LabelledContainer.JoinNames(others)}." : "No container runs.");
        _isNetworkEmpty = isEmpty;
    }

    [LoggerMessage(LogLevel.Warning, "no running container is on network '{Network}', where backends are looked for. {Others} "
        + "Start backends there, or correct the name: `docker network ls` lists the networks, and compose puts its project's name in front.")]
    partial void LogNetworkEmpty(string network, string others);

    [LoggerMessage(LogLevel.Warning, "reading the balancer's own addresses failed, using the last known ones: {Reason}")]
    partial void LogOwnAddressesUnknown(string reason);

    [LoggerMessage(LogLevel.Warning, "container {Name} is down: it is paused, or its own health check failed")]
    partial void LogContainerDown(string name);

    [LoggerMessage(LogLevel.Information, "container {Name} is up again")]
    partial void LogContainerUp(string name);

    [LoggerMessage(LogLevel.Warning, "{Error} The container is ignored.")]
    partial void LogContainerIgnored(ConfigurationError error);
}
