using EbpfLb.Configuration;
using EbpfLb.Providers.Containers;
using EbpfLb.Providers.Names;
using EbpfLb.Reconcile;

namespace EbpfLb.Providers;

/// <summary>Finds the backends of all services, from the configuration and from containers.</summary>
/// <param name="held">The names' addresses; outlives the configuration.</param>
/// <param name="ownAddresses">Returns the balancer's current addresses, which no container may have.</param>
/// <param name="terminating">Containers that were sent their stop signal; outlives the configuration.</param>
sealed class Discovery(
    LoadBalancerConfiguration configuration, INameResolver names, HeldAddresses held, Func<IReadOnlySet<IPAddress>> ownAddresses,
    TerminatingContainersByEngine terminating, TimeProvider time, ILoggerFactory loggers)
{
    readonly BackendResolver _resolver = new(configuration, names, held, time, loggers.CreateLogger<BackendResolver>());

    /// <summary>The services with their backends' addresses, now and at each change.</summary>
    /// <exception cref="LoadBalancerException">A name does not resolve at the start, or the container engine does not answer.</exception>
    public IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> WatchAsync(CancellationToken cancellation) =>
        configuration.Docker is null
            ? _resolver.WatchAsync(cancellation)
            : MergeAsync(
                _resolver,
                new ContainerWatcher(
                    configuration, ownAddresses, terminating, time, loggers.CreateLogger<ContainerWatcher>()),
                cancellation);

    static async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> MergeAsync(
        BackendResolver resolver, ContainerWatcher follower, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var named = new Subscription<ImmutableArray<ServiceSnapshot>>(resolver.WatchAsync, cancellation);
        await using var labelled = new Subscription<ImmutableArray<ContainerBackend>>(follower.WatchAsync, cancellation);
        var (services, containers) = (await named.ReadAsync(), await labelled.ReadAsync());
        while (true)
        {
            yield return Merge(services, containers);
            if (await Task.WhenAny(named.Available, labelled.Available) == named.Available)
                services = await named.ReadAsync();
            else
                containers = await labelled.ReadAsync();
        }
    }

    /// <summary>
    /// A configured backend that is also a labelled container keeps its configured weight unless the container
    /// terminates, and has the container's health.
    /// </summary>
    static ImmutableArray<ServiceSnapshot> Merge(
        ImmutableArray<ServiceSnapshot> services, ImmutableArray<ContainerBackend> containers)
    {
        var byService = containers.ToLookup(found => found.Service, found => found.Backend);
        return
        [
            .. services.Select(service =>
            {
                var labelled = byService[service.Name].DistinctBy(backend => backend.EndPoint).ToArray();
                var known = labelled.ToDictionary(backend => backend.EndPoint);
                return service with
                {
                    Backends =
                    [
                        .. service.Backends.Select(backend => known.TryGetValue(backend.EndPoint, out var same)
                            ? same with { Weight = same.Weight == 0 ? 0 : backend.Weight, Host = backend.Host }
                            : backend),
                        .. labelled.ExceptBy(service.Backends.Select(backend => backend.EndPoint), backend => backend.EndPoint),
                    ],
                };
            }),
        ];
    }
}
