namespace EbpfLb.Providers.Containers;

/// <summary>Details that the engine's list does not have.</summary>
/// <param name="StopSignal">The signal that asks it to stop.</param>
/// <param name="StartedAt">The last start by the engine's clock; null if unknown.</param>
sealed record ContainerDetails(int StopSignal, DateTimeOffset? StartedAt);
