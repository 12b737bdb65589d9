namespace EbpfLb.Configuration;

/// <summary>
/// A configuration as written, from any source. The source reports what is missing or unreadable and leaves null;
/// <see cref="Validator"/> reports invalid values.
/// </summary>
sealed record RawConfiguration(
    IReadOnlyList<Located<string>> Interfaces, Located<string>? Hook, Located<string>? Events, Located<string>? Flows,
    IReadOnlyDictionary<string, Located<string>> Timeouts, IReadOnlyList<RawService> Services)
{
    public Located<string>? Metrics { get; init; }

    public Located<string>? Logs { get; init; }

    /// <summary>Null if containers are not used.</summary>
    public RawDocker? Docker { get; init; }

    public Located<string>? LeaveAttached { get; init; }
}

sealed record RawService(
    Located<string>? Name, Located<string>? Listen, Located<string>? Algorithm, Located<string>? Mode, IReadOnlyList<RawBackend> Backends)
{
    public Located<string>? Drain { get; init; }

    public RawHealthCheck? Health { get; init; }
}

/// <param name="Location">Of the whole check.</param>
/// <param name="Values">By the keys in <see cref="ConfigNames.Health"/>.</param>
sealed record RawHealthCheck(SourceLocation Location, IReadOnlyDictionary<string, Located<string>> Values);

sealed record RawDocker(Located<string>? Network, Located<string>? Socket);

sealed record RawBackend(Located<string> Address, Located<string>? Weight);
