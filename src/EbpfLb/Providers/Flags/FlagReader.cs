using EbpfLb.Configuration;

namespace EbpfLb.Providers.Flags;

/// <summary>The flags of one command line, as typed.</summary>
sealed record CommandLineFlags(
    IReadOnlyList<string> Interfaces, string? Hook, string? Events, IReadOnlyList<string> Listens, IReadOnlyList<string> Backends,
    string? Algorithm = null, string? Mode = null)
{
    public string? Flows { get; init; }

    public string? Drain { get; init; }

    public string? Metrics { get; init; }

    public string? Logs { get; init; }

    /// <summary>Each as <c>KEY=VALUE</c>, or <c>tcp</c>.</summary>
    public IReadOnlyList<string> Health { get; init; } = [];

    public bool LeaveAttached { get; init; }

    /// <summary>Each as <c>STATE=TIME</c>.</summary>
    public IReadOnlyList<string> Timeouts { get; init; } = [];

    /// <summary>The network of containers that are backends.</summary>
    public string? Docker { get; init; }
    public string? DockerSocket { get; init; }
}

/// <summary>Reads a configuration from flags: every --listen is a service with the same backends.</summary>
static class FlagReader
{
    public static ConfigurationResult Read(CommandLineFlags flags)
    {
        List<ConfigurationError> errors = [];
        if (flags.Interfaces.Count == 0)
            errors.Add(new("--interface", null, "the interface is missing", "Add '--interface eth0', or '--config FILE'"));
        if (flags.Listens.Count == 0)
            errors.Add(new("--listen", null, "no endpoint to listen on is given", "Add '--listen :80'"));
        if (flags.Backends.Count == 0 && flags.Docker is null)
            errors.Add(new("--backend", null, "no backend is given",
                "Add '--backend HOST[:PORT]', once for each, or '--docker NETWORK' for labelled containers"));
        if (flags.DockerSocket is not null && flags.Docker is null)
            errors.Add(new("--docker-socket", flags.DockerSocket, "is of no use without a network", "Add '--docker NETWORK'"));

        RawBackend[] backends =
            [.. flags.Backends.Select(backend => new RawBackend(new("--backend", backend), Weight: null))];
        var health = ReadHealth(flags.Health, errors);
        var raw = new RawConfiguration(
            [.. flags.Interfaces.Select(name => new Located<string>("--interface", name))], Locate("--hook", flags.Hook),
            Locate("--events", flags.Events), Locate("--flows", flags.Flows), ReadTimeouts(flags.Timeouts, errors),
            [.. flags.Listens.Select(listen => new RawService(
                null, new("--listen", listen), Locate("--algorithm", flags.Algorithm), Locate("--mode", flags.Mode), backends)
            {
                Drain = Locate("--drain", flags.Drain),
                Health = health,
            })])
        {
            Metrics = Locate("--metrics", flags.Metrics),
            Logs = Locate("--logs", flags.Logs),
            Docker = flags.Docker is null
                ? null
                : new(Locate("--docker", flags.Docker), Locate("--docker-socket", flags.DockerSocket)),
            LeaveAttached = flags.LeaveAttached ? new("--leave-attached", "true") : null,
        };
        return Validator.Validate(raw, errors);
    }

    static Dictionary<string, Located<string>> ReadTimeouts(IEnumerable<string> flags, List<ConfigurationError> errors) =>
        ReadPairs("--timeout", flags, ConfigNames.Timeouts, "is not a state with a timeout", "established=2h", errors);

    static RawHealthCheck? ReadHealth(IReadOnlyList<string> flags, List<ConfigurationError> errors)
    {
        const string flag = "--health";
        if (flags.Count == 0)
            return null;
        var before = errors.Count;
        var pairs = ReadPairs(flag, flags.Select(given => given == "tcp" ? "tcp=true" : given), ConfigNames.Health,
            "is not a key of a health check", "http=/", errors);
        // An invalid pair may have been meant as the kind of check: do not report it as missing too.
        if (errors.Count > before && !pairs.ContainsKey("http"))
            pairs["tcp"] = new($"{flag} tcp", "true");
        return new(flag, pairs);
    }

    /// <summary>The values of a flag with KEY=VALUE pairs, by key.</summary>
    static Dictionary<string, Located<string>> ReadPairs(
        string flag, IEnumerable<string> given, string[] known, string unknown, string example, List<ConfigurationError> errors)
    {
        var pairs = new Dictionary<string, Located<string>>();
        foreach (var pair in given)
        {
            var equals = pair.IndexOf('=');
            var key = equals < 0 ? pair : pair[..equals];
            if (equals < 0)
                errors.Add(new(flag, pair, "has no '='", $"Write it as {example}"));
            else if (!known.Contains(key))
                errors.Add(new(flag, pair, unknown, Spelling.Suggest(key, known) is { } near
                    ? $"Perhaps '{near}' is meant"
                    : $"Use one of: {string.Join(", ", known)}"));
            else if (!pairs.TryAdd(key, new($"{flag} {key}", pair[(equals + 1)..])))
                errors.Add(new(flag, pair, "is given twice", "Keep one of them"));
        }
        return pairs;
    }

    static Located<string>? Locate(string flag, string? value) => value is null ? null : new Located<string>(flag, value);
}
