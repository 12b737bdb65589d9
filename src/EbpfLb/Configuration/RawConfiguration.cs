namespace EbpfLb.Configuration;

/// <summary>
/// A configuration as it was written, by whichever source. The source reports what is missing or unreadable and leaves
/// null there; <see cref="Validator"/> reports what is wrong with the values.
/// </summary>
/// <param name="Interfaces">The network interfaces, in their order.</param>
/// <param name="Hook">Where to attach.</param>
/// <param name="Events">What to report.</param>
/// <param name="Flows">How many flows there is room for.</param>
/// <param name="Timeouts">By the words of <see cref="ConfigNames.Timeouts"/>.</param>
/// <param name="Services">In their order.</param>
sealed record RawConfiguration(
    IReadOnlyList<Located<string>> Interfaces, Located<string>? Hook, Located<string>? Events, Located<string>? Flows,
    IReadOnlyDictionary<string, Located<string>> Timeouts, IReadOnlyList<RawService> Services)
{
    /// <summary>Where metrics are served.</summary>
    public Located<string>? Metrics { get; init; }

    /// <summary>How logs are written.</summary>
    public Located<string>? Logs { get; init; }

    /// <summary>Where containers are found; null where they are not looked for.</summary>
    public RawDocker? Docker { get; init; }

    /// <summary>Whether the datapath stays where the process is asked to end.</summary>
    public Located<string>? LeaveAttached { get; init; }
}

sealed record RawService(
    Located<string>? Name, Located<string>? Listen, Located<string>? Algorithm, Located<string>? Mode, IReadOnlyList<RawBackend> Backends)
{
    public Located<string>? Drain { get; init; }

    public RawHealthCheck? Health { get; init; }
}

/// <param name="Location">Where an error of the whole is.</param>
/// <param name="Values">By the words of <see cref="ConfigNames.Health"/>.</param>
sealed record RawHealthCheck(SourceLocation Location, IReadOnlyDictionary<string, Located<string>> Values);

sealed record RawDocker(Located<string>? Network, Located<string>? Socket);

sealed record RawBackend(Located<string> Address, Located<string>? Weight);
