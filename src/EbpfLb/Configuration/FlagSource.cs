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

    /// <summary>Each as <c>STATE=TIME</c>.</summary>
    public IReadOnlyList<string> Timeouts { get; init; } = [];
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
        if (flags.Backends.Count == 0)
            faults.Add(new("--backend", null, "no backend is given", "Add '--backend HOST[:PORT]', once for each"));

        BackendDraft[] backends =
            [.. flags.Backends.Select(backend => new BackendDraft(new("--backend", backend), Weight: null))];
        var draft = new Draft(
            [.. flags.Interfaces.Select(name => new Placed("--interface", name))], Place("--hook", flags.Hook),
            Place("--events", flags.Events), Place("--flows", flags.Flows), Timeouts(flags.Timeouts, faults),
            [.. flags.Listens.Select(listen => new ServiceDraft(
                null, new("--listen", listen), Place("--algorithm", flags.Algorithm), Place("--mode", flags.Mode), backends)
            {
                Drain = Place("--drain", flags.Drain),
            })])
        {
            Metrics = Place("--metrics", flags.Metrics),
            Logs = Place("--logs", flags.Logs),
        };
        return Validator.Validate(draft, faults);
    }

    static Dictionary<string, Placed> Timeouts(IEnumerable<string> flags, List<Fault> faults)
    {
        var timeouts = new Dictionary<string, Placed>();
        foreach (var flag in flags)
        {
            var equals = flag.IndexOf('=');
            var state = equals < 0 ? flag : flag[..equals];
            if (equals < 0)
                faults.Add(new("--timeout", flag, "has no '='", "Write it as established=2h"));
            else if (!Words.Timeouts.Contains(state))
                faults.Add(new("--timeout", flag, "is the timeout of no state", Spelling.Nearest(state, Words.Timeouts) is { } near
                    ? $"Perhaps '{near}' is meant"
                    : $"Use one of: {string.Join(", ", Words.Timeouts)}"));
            else if (!timeouts.TryAdd(state, new($"--timeout {state}", flag[(equals + 1)..])))
                faults.Add(new("--timeout", flag, "stands here twice", "Keep one of them"));
        }
        return timeouts;
    }

    static Placed? Place(string flag, string? value) => value is null ? null : new Placed(flag, value);
}
