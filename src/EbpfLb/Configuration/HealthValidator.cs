using System.Collections.Immutable;
using System.Globalization;

namespace EbpfLb.Configuration;

/// <summary>Turns the draft of a health check into one, or into every fault it has.</summary>
/// <param name="draft">As its source read it.</param>
/// <param name="faults">Where faults are added.</param>
sealed class HealthValidator(HealthDraft draft, List<Fault> faults)
{
    const int LongestPath = 1024;
    const int MostChecks = 100;
    static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan LongestInterval = TimeSpan.FromHours(1);
    static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(10);

    /// <param name="listen">Null where that is wrong itself.</param>
    /// <param name="backends">Those of the service.</param>
    /// <param name="takesContainers">Whether containers may become backends as well, at the port that clients ask for.</param>
    public HealthConfiguration Validate(
        ListenEndpoint? listen, ImmutableArray<BackendConfiguration> backends, bool takesContainers)
    {
        var usual = new HealthConfiguration();
        var every = Time("every", usual.Every, ShortestInterval, LongestInterval, "time between checks", "100ms to 1h");
        var atMost = usual.Timeout < every ? usual.Timeout : every;
        var health = new HealthConfiguration
        {
            Path = Path(),
            Every = every,
            Timeout = Time("timeout", atMost, ShortestTimeout, every, "time that a check may take",
                $"10ms to {Duration.Word(every)}, the time between checks"),
            Rise = Count("rise", usual.Rise),
            Fall = Count("fall", usual.Fall),
            Port = Port(),
            WhenAllDown = AllDown(),
        };
        if (listen is not null && health.Port == 0 && !draft.Values.ContainsKey("port"))
            RequirePort(listen, backends, takesContainers);
        return health;
    }

    /// <summary>Null for a check by TCP alone.</summary>
    string? Path()
    {
        var (tcp, http) = (draft.Values.GetValueOrDefault("tcp"), draft.Values.GetValueOrDefault("http"));
        if (tcp is null && http is null)
            faults.Add(new(draft.Place, null, "it is not said how to check", "Say tcp, or http with a path"));
        if (tcp is not null && http is not null)
            faults.Add(tcp.Fault("stands beside http", "Keep one of tcp and http: an HTTP check connects over TCP as well"));
        if (tcp is not null && tcp.Value != "true")
            faults.Add(tcp.Fault("is not true", "Say true, or leave tcp out and use http with a path"));
        if (http is null)
            return null;
        if (http.Value.Length > LongestPath || !http.Value.StartsWith('/') || !http.Value.All(c => c is > ' ' and < '\x7f' and not '#'))
            faults.Add(http.Fault("is no path that a web server can be asked for",
                $"Begin it with '/', use at most {LongestPath} characters, and write %20 for a blank"));
        return http.Value;
    }

    TimeSpan Time(string word, TimeSpan usual, TimeSpan shortest, TimeSpan longest, string what, string range)
    {
        if (!draft.Values.TryGetValue(word, out var placed))
            return usual;
        if (Duration.Read(placed.Value) is { } time && time >= shortest && time <= longest)
            return time;
        faults.Add(placed.Fault($"is no {what}", $"Use {range}, written as 500ms, 2s or 1m"));
        return usual;
    }

    int Count(string word, int usual)
    {
        if (!draft.Values.TryGetValue(word, out var placed))
            return usual;
        if (int.TryParse(placed.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count is > 0 and <= MostChecks)
            return count;
        faults.Add(placed.Fault("is no number of checks in a row", $"Use a whole number of 1 to {MostChecks}"));
        return usual;
    }

    ushort Port()
    {
        if (!draft.Values.TryGetValue("port", out var placed))
            return 0;
        if (Syntax.Port(placed.Value) is { } port)
            return port;
        faults.Add(placed.Fault("is no port", "Use a port of 1 to 65535"));
        return 0;
    }

    AllDown AllDown()
    {
        if (!draft.Values.TryGetValue("when-all-down", out var placed))
            return default;
        foreach (var (word, value) in Words.AllDown)
        {
            if (word == placed.Value)
                return value;
        }
        faults.Add(placed.Fault("is nothing to do with new flows when all backends are down",
            $"Use one of: {string.Join(", ", Words.AllDown.Select(known => known.Word))}"));
        return default;
    }

    /// <summary>Checks connect over TCP.</summary>
    void RequirePort(ListenEndpoint listen, ImmutableArray<BackendConfiguration> backends, bool takesContainers)
    {
        if (listen.Protocol == TransportProtocol.Udp)
            faults.Add(new(draft.Place, null, "checks connect over TCP, and the service is one of UDP",
                "Say the port of something on the backends that answers over TCP, or leave the checks out"));
        else if (backends.Any(backend => backend.Port == 0) || (listen.Port == 0 && takesContainers))
            faults.Add(new(draft.Place, null, "checks connect to one port, and the backends of this service have every port",
                "Say a port for the checks, or leave them out"));
    }
}
