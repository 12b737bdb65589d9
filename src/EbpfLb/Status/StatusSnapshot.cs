namespace EbpfLb.Status;

/// <summary>All statuses at one moment.</summary>
/// <param name="Instances">Those that could be read.</param>
/// <param name="Errors">Why others could not, as sentences.</param>
sealed record StatusSnapshot(IReadOnlyList<InstanceStatus> Instances, IReadOnlyList<string> Errors)
{
    /// <summary>The sentence for no instances and no errors.</summary>
    public const string NothingAttached = "nothing is attached in this network namespace";
}
