using System.Collections.Immutable;
using System.Globalization;

namespace EbpfLb.Configuration;

/// <summary>Validates a raw health check.</summary>
/// <param name="raw">As its source read it.</param>
/// <param name="errors">Receives the errors.</param>
sealed class HealthValidator(RawHealthCheck raw, List<ConfigurationError> errors)
{
    const int MaxPathLength = 1024;
    const int MaxChecks = 100;
    static readonly TimeSpan MinInterval = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan MaxInterval = TimeSpan.FromHours(1);
    static readonly TimeSpan MinTimeout = TimeSpan.FromMilliseconds(10);

    /// <param name="listen">Null if it is itself invalid.</param>
    /// <param name="backends">The service's backends.</param>
    /// <param name="takesContainers">True if containers may become backends, at the port of the service.</param>
    public HealthConfiguration Validate(
        ListenEndpoint? listen, ImmutableArray<BackendConfiguration> backends, bool takesContainers)
    {
        var defaults = new HealthConfiguration();
        var every = Time("every", defaults.Every, MinInterval, MaxInterval, "check interval", "100ms to 1h");
        var atMost = defaults.Timeout < every ? defaults.Timeout : every;
        var health = new HealthConfiguration
        {
            Path = Path(),
            Every = every,
            Timeout = Time("timeout", atMost, MinTimeout, every, "check timeout",
                $"10ms to {Duration.Format(every)}, the check interval"),
            Rise = Count("rise", defaults.Rise),
            Fall = Count("fall", defaults.Fall),
            Port = Port(),
            WhenAllDown = AllDown(),
        };
        if (listen is not null && health.Port == 0 && !raw.Values.ContainsKey("port"))
            RequirePort(listen, backends, takesContainers);
        return health;
    }

    /// <summary>Null for a TCP check.</summary>
    string? Path()
    {
        var (tcp, http) = (raw.Values.GetValueOrDefault("tcp"), raw.Values.GetValueOrDefault("http"));
        if (tcp is null && http is null)
            errors.Add(new(raw.Location, null, "the kind of check is missing", "Add tcp, or http with a path"));
        if (tcp is not null && http is not null)
            errors.Add(tcp.Error("stands beside http", "Keep one of tcp and http: an HTTP check connects over TCP as well"));
        if (tcp is not null && tcp.Value != "true")
            errors.Add(tcp.Error("is not true", "Say true, or leave tcp out and use http with a path"));
        if (http is null)
            return null;
        if (http.Value.Length > MaxPathLength || !http.Value.StartsWith('/') || !http.Value.All(c => c is > ' ' and < '\x7f' and not '#'))
            errors.Add(http.Error("is not a valid HTTP path",
                $"Begin it with '/', use at most {MaxPathLength} characters, and write %20 for a blank"));
        return http.Value;
    }

    TimeSpan Time(string word, TimeSpan defaults, TimeSpan min, TimeSpan max, string what, string range)
    {
        if (!raw.Values.TryGetValue(word, out var located))
            return defaults;
        if (Duration.TryParse(located.Value) is { } time && time >= min && time <= max)
            return time;
        errors.Add(located.Error($"is not a valid {what}", $"Use {range}, written as 500ms, 2s or 1m"));
        return defaults;
    }

    int Count(string word, int defaults)
    {
        if (!raw.Values.TryGetValue(word, out var located))
            return defaults;
        if (int.TryParse(located.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count is > 0 and <= MaxChecks)
            return count;
        errors.Add(located.Error("is not a number of checks in a row", $"Use a whole number of 1 to {MaxChecks}"));
        return defaults;
    }

    ushort Port()
    {
        if (!raw.Values.TryGetValue("port", out var located))
            return 0;
        if (Syntax.ParsePort(located.Value) is { } port)
            return port;
        errors.Add(located.Error("is not a port", "Use a port of 1 to 65535"));
        return 0;
    }

    AllDownPolicy AllDown()
    {
        if (!raw.Values.TryGetValue("when-all-down", out var located))
            return default;
        foreach (var (word, value) in ConfigNames.AllDown)
        {
            if (word == located.Value)
                return value;
        }
        errors.Add(located.Error("is not a policy for new flows when all backends are down",
            $"Use one of: {string.Join(", ", ConfigNames.AllDown.Select(known => known.Name))}"));
        return default;
    }

    /// <summary>Checks need one TCP port.</summary>
    void RequirePort(ListenEndpoint listen, ImmutableArray<BackendConfiguration> backends, bool takesContainers)
    {
        if (listen.Protocol == TransportProtocol.Udp)
            errors.Add(new(raw.Location, null, "checks connect over TCP, and the service is one of UDP",
                "Say the port of something on the backends that answers over TCP, or leave the checks out"));
        else if (backends.Any(backend => backend.Port == 0) || (listen.Port == 0 && takesContainers))
            errors.Add(new(raw.Location, null, "checks connect to one port, and the backends of this service have every port",
                "Say a port for the checks, or leave them out"));
    }
}
