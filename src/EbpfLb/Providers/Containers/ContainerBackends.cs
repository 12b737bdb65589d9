using System.Collections.Immutable;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Providers.Containers;

/// <summary>Makes backends of containers, and reports each container's errors, and whether it is down, when that changes.</summary>
/// <param name="configuration">The services, and the network where a container names none.</param>
/// <param name="ownAddresses">The balancer's own, at the moment; may throw a <see cref="LoadBalancerException"/>.</param>
/// <param name="logger">Told of the errors.</param>
sealed partial class ContainerBackends(
    LoadBalancerConfiguration configuration, Func<IReadOnlySet<IPAddress>> ownAddresses, ILogger logger)
{
    /// <summary>By the containers' ids: what was reported of those that are ignored.</summary>
    Dictionary<string, ImmutableArray<ConfigurationError>> _reported = [];

    /// <summary>By their ids: which of those that are backends are down.</summary>
    Dictionary<string, bool> _down = [];

    IReadOnlySet<IPAddress>? _own;
    bool _isOwnAddressesUnknown;

    /// <param name="containers">All that run.</param>
    /// <param name="isTerminating">Whether the one of an id was told to stop.</param>
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
        _down = down;
        return backends.ToImmutable();
    }

    /// <summary>Where they are not told, those of the last time, if there was one: another listing follows.</summary>
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
                LogDown(container.Name);
            else
                LogUp(container.Name);
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
                LogIgnored(error);
        }
        _reported = faulty;
    }

    [LoggerMessage(LogLevel.Warning, "the balancer's own addresses are taken to be what they were: {Reason}")]
    partial void LogOwnAddressesUnknown(string reason);

    [LoggerMessage(LogLevel.Warning, "container {Name} is down: it is paused, or its own health check failed")]
    partial void LogDown(string name);

    [LoggerMessage(LogLevel.Information, "container {Name} is down no more")]
    partial void LogUp(string name);

    [LoggerMessage(LogLevel.Warning, "{Error} The container is ignored.")]
    partial void LogIgnored(ConfigurationError error);
}
