namespace EbpfLb.Status;

/// <summary>All statuses at one moment.</summary>
/// <param name="Instances">Those that could be read.</param>
/// <param name="Errors">Why others could not, as sentences.</param>
sealed record StatusSnapshot(IReadOnlyList<InstanceStatus> Instances, IReadOnlyList<string> Errors);
