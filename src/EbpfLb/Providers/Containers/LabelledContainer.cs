using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Providers.Containers;

/// <summary>A backend from a container's labels.</summary>
/// <param name="Service">A configured service.</param>
/// <param name="Backend">One of the container's addresses, with its name as host.</param>
sealed record ContainerBackend(string Service, BackendSnapshot Backend);

/// <summary>Reads a container's labels. A container with an error has no backends; others are not affected.</summary>
sealed class LabelledContainer(LoadBalancerConfiguration configuration, IReadOnlySet<IPAddress> own, Container container)
{
    const string Prefix = "ebpf-lb.";
    const string Service = $"{Prefix}service";
    const string Port = $"{Prefix}port";
    const string Weight = $"{Prefix}weight";
    const string Network = $"{Prefix}network";
    const int MaxListed = 8;

    /// <summary>Other labels with the prefix are ignored, unless they look mistyped.</summary>
    static readonly string[] Known = [Service, Port, Weight, Network];

    readonly List<ConfigurationError> _errors = [];

    public static bool IsLabelled(Container container) => container.Labels.Keys.Any(label => IsKnown(label) || IsMistyped(label));

    /// <summary>True if an event may concern a labelled container. Container events include the labels.</summary>
    public static bool IsRelevant(EngineEvent happened) => happened.Type == EngineEvent.Network
        || happened.Attributes.Keys.Any(label => label.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase));

    /// <summary>A backend for each of the container's addresses, or every error in its labels.</summary>
    public (ImmutableArray<ContainerBackend> Backends, ImmutableArray<ConfigurationError> Errors) Read()
    {
        foreach (var label in container.Labels.Keys.Where(IsMistyped).Order(StringComparer.Ordinal))
            _errors.Add(new(Location(), label, "is not a known label", $"Perhaps '{Suggest(label)}' is meant"));
        var service = FindService();
        var port = FindPort(service);
        var weight = Read(Weight, SettingTypes.Weight) ?? 1;
        var (share, health) = (container.IsTerminating ? 0 : weight, container.Health);
        var addresses = FindAddresses();
        return _errors.Count > 0 || service is null
            ? ([], [.. _errors])
            : (
                [
                    .. addresses.Select(address => new ContainerBackend(service.Name,
                        new(address, port, share, container.Name)
                        {
                            Health = health,
                            RequiresHealthyCheck = true,
                            IsExcluded = health is BackendHealth.Unknown or BackendHealth.Down,
                        })),
                ], []);
    }

    ServiceConfiguration? FindService()
    {
        if (!container.Labels.TryGetValue(Service, out var name))
        {
            if (container.Labels.Keys.FirstOrDefault(IsKnown) is { } label)
                _errors.Add(new(Location(), null, $"the label {Service} is missing", $"Add it, or remove {label}"));
            return null;
        }
        var service = configuration.Services.FirstOrDefault(service => service.Name == name);
        if (service is not null)
            return service;
        string[] names = [.. configuration.Services.Select(known => known.Name)];
        _errors.Add(new(Location(Service), name, "is not a service of this balancer",
            Spelling.Suggest(name, names) is { } near ? $"Perhaps '{near}' is meant" : $"Name one of: {JoinNames(names)}"));
        return null;
    }

    ushort FindPort(ServiceConfiguration? service)
    {
        var port = Read(Port, SettingTypes.Port("has no valid port"));
        if (port is { } given && service is { KeepsPort: true } && given != service.Listen.Port)
            _errors.Add(new(Location(Port), $"{given}", $"is another port than that of service '{service.Name}', whose mode {service.Mode.ToConfigString()} changes no port",
                "Leave the label out, or use mode nat"));
        return port ?? service?.Listen.Port ?? 0;
    }

    ImmutableArray<IPAddress> FindAddresses()
    {
        var (place, network) = container.Labels.TryGetValue(Network, out var named)
            ? (Location(Network), named)
            : (Location(), configuration.Docker!.Network);
        if (container.Networks.TryGetValue(network, out var addresses) && addresses.Length > 0)
        {
            if (addresses.FirstOrDefault(own.Contains) is { } shared)
                _errors.Add(new(Location(), $"{shared}", "is the balancer's own address",
                    "Remove its labels, or run the backend in a network namespace of its own"));
            return addresses;
        }
        _errors.Add(new(place, network, addresses.IsDefault ? "is not one of its networks" : "is a network that gives it no address",
            container.Networks.Count == 0
                ? "Connect it to that network"
                : $"Connect it to that network, or name another with {Network}; it is on: {JoinNames(container.Networks.Keys)}"));
        return [];
    }

    T? Read<T>(string label, SettingType<T> type) where T : struct
    {
        if (!container.Labels.TryGetValue(label, out var text))
            return null;
        var parsed = type.Parse(text);
        _errors.AddRange(parsed.Errors.Select(error => new ConfigurationError(Location(label), text, error.Problem, error.Remedy)));
        return parsed.Errors.IsEmpty ? parsed.Value : null;
    }

    static bool IsKnown(string label) => Known.Contains(label);

    static bool IsMistyped(string label) => !IsKnown(label) && Suggest(label) is not null;

    static string? Suggest(string label) =>
        label.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? Spelling.Suggest(label, Known) : null;

    string Location(string label = "") => $"container {container.Name} {label}".TrimEnd();

    public static string JoinNames(IEnumerable<string> names)
    {
        var sorted = names.Order(StringComparer.Ordinal).ToArray();
        return string.Join(", ", sorted.Take(MaxListed)) + (sorted.Length > MaxListed ? ", ..." : "");
    }
}
