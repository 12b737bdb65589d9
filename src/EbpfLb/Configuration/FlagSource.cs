namespace EbpfLb.Configuration;

/// <summary>The flags of one command line, as they were typed.</summary>
sealed record Flags(
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

    /// <summary>The network on which containers are backends.</summary>
    public string? Docker { get; init; }
    public string? DockerSocket { get; init; }
}

/// <summary>Reads a configuration given by flags: every --listen is a service over the same backends.</summary>
static class FlagSource
{
    public static Reading Read(Flags flags)
    {
        List<Fault> faults = [];
        if (flags.Interfaces.Count == 0)
            faults.Add(new("--interface", null, "the interface is missing", "Add '--interface eth0', or '--config FILE'"));
        if (flags.Listens.Count == 0)
            faults.Add(new("--listen", null, "no endpoint to listen on is given", "Add '--listen :80'"));
        if (flags.Backends.Count == 0 && flags.Docker is null)
            faults.Add(new("--backend", null, "no backend is given",
                "Add '--backend HOST[:PORT]', once for each, or '--docker NETWORK' for labelled containers"));
        if (flags.DockerSocket is not null && flags.Docker is null)
            faults.Add(new("--docker-socket", flags.DockerSocket, "is of no use without a network", "Add '--docker NETWORK'"));

        BackendDraft[] backends =
            [.. flags.Backends.Select(backend => new BackendDraft(new("--backend", backend), Weight: null))];
        var health = Health(flags.Health, faults);
        var draft = new Draft(
            [.. flags.Interfaces.Select(name => new Placed("--interface", name))], Place("--hook", flags.Hook),
            Place("--events", flags.Events), Place("--flows", flags.Flows), Timeouts(flags.Timeouts, faults),
            [.. flags.Listens.Select(listen => new ServiceDraft(
                null, new("--listen", listen), Place("--algorithm", flags.Algorithm), Place("--mode", flags.Mode), backends)
            {
                Drain = Place("--drain", flags.Drain),
                Health = health,
            })])
        {
            Metrics = Place("--metrics", flags.Metrics),
            Logs = Place("--logs", flags.Logs),
            Docker = flags.Docker is null
                ? null
                : new(Place("--docker", flags.Docker), Place("--docker-socket", flags.DockerSocket)),
            LeaveAttached = flags.LeaveAttached ? new("--leave-attached", "true") : null,
        };
        return Validator.Validate(draft, faults);
    }

    static Dictionary<string, Placed> Timeouts(IEnumerable<string> flags, List<Fault> faults) =>
        Pairs("--timeout", flags, Words.Timeouts, "is the timeout of no state", "established=2h", faults);

    static HealthDraft? Health(IReadOnlyList<string> flags, List<Fault> faults)
    {
        const string flag = "--health";
        if (flags.Count == 0)
            return null;
        var before = faults.Count;
        var pairs = Pairs(flag, flags.Select(given => given == "tcp" ? "tcp=true" : given), Words.Health,
            "is nothing that there is to say of health checks", "http=/", faults);
        // What is a fault already may have been meant to say how to check: that it is missing is no second one.
        if (faults.Count > before && !pairs.ContainsKey("http"))
            pairs["tcp"] = new($"{flag} tcp", "true");
        return new(flag, pairs);
    }

    /// <summary>The values of a flag that is given as KEY=VALUE, once for each key.</summary>
    static Dictionary<string, Placed> Pairs(
        string flag, IEnumerable<string> given, string[] known, string unknown, string example, List<Fault> faults)
    {
        var pairs = new Dictionary<string, Placed>();
        foreach (var pair in given)
        {
            var equals = pair.IndexOf('=');
            var key = equals < 0 ? pair : pair[..equals];
            if (equals < 0)
                faults.Add(new(flag, pair, "has no '='", $"Write it as {example}"));
            else if (!known.Contains(key))
                faults.Add(new(flag, pair, unknown, Spelling.Nearest(key, known) is { } near
                    ? $"Perhaps '{near}' is meant"
                    : $"Use one of: {string.Join(", ", known)}"));
            else if (!pairs.TryAdd(key, new($"{flag} {key}", pair[(equals + 1)..])))
                faults.Add(new(flag, pair, "stands here twice", "Keep one of them"));
        }
        return pairs;
    }

    static Placed? Place(string flag, string? value) => value is null ? null : new Placed(flag, value);
}
