namespace EbpfLb.Configuration;

/// <summary>A value as it was written, and where.</summary>
sealed record Placed(Place Place, string Value)
{
    public Fault Fault(string problem, string remedy) => new(Place, Value, problem, remedy);
}

/// <summary>
/// A configuration as it was written, by whichever source. The source reports what is missing or unreadable and leaves
/// null there; <see cref="Validator"/> reports what is wrong with the values.
/// </summary>
/// <param name="Interfaces">The network interfaces, in their order.</param>
/// <param name="Hook">Where to attach.</param>
/// <param name="Events">What to report.</param>
/// <param name="Flows">How many flows there is room for.</param>
/// <param name="Timeouts">By the words of <see cref="Words.Timeouts"/>.</param>
/// <param name="Services">In their order.</param>
sealed record Draft(
    IReadOnlyList<Placed> Interfaces, Placed? Hook, Placed? Events, Placed? Flows,
    IReadOnlyDictionary<string, Placed> Timeouts, IReadOnlyList<ServiceDraft> Services)
{
    /// <summary>Where metrics are served.</summary>
    public Placed? Metrics { get; init; }

    /// <summary>How logs are written.</summary>
    public Placed? Logs { get; init; }

    /// <summary>Where containers are found; null where they are not looked for.</summary>
    public DockerDraft? Docker { get; init; }

    /// <summary>Whether the datapath stays where the process is asked to end.</summary>
    public Placed? LeaveAttached { get; init; }
}

sealed record ServiceDraft(
    Placed? Name, Placed? Listen, Placed? Algorithm, Placed? Mode, IReadOnlyList<BackendDraft> Backends)
{
    public Placed? Drain { get; init; }

    public HealthDraft? Health { get; init; }
}

/// <param name="Place">Where a fault of the whole is.</param>
/// <param name="Values">By the words of <see cref="Words.Health"/>.</param>
sealed record HealthDraft(Place Place, IReadOnlyDictionary<string, Placed> Values);

sealed record DockerDraft(Placed? Network, Placed? Socket);

sealed record BackendDraft(Placed Address, Placed? Weight);
