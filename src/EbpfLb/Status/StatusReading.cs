namespace EbpfLb.Status;

/// <summary>What could be read at one moment.</summary>
/// <param name="Instances">Those that could.</param>
/// <param name="Faults">Why others could not, a sentence each.</param>
sealed record StatusReading(IReadOnlyList<InstanceStatus> Instances, IReadOnlyList<string> Faults);
