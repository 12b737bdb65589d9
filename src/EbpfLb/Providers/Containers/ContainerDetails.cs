namespace EbpfLb.Providers.Containers;

/// <summary>What no listing tells of a container.</summary>
/// <param name="StopSignal">The signal by which it is asked to stop.</param>
/// <param name="StartedAt">When it was last started, by the engine's clock; null where the engine does not say.</param>
sealed record ContainerDetails(int StopSignal, DateTimeOffset? StartedAt);
