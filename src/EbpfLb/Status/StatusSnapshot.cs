namespace EbpfLb.Status;

/// <summary>All statuses at one moment.</summary>
/// <param name="Instances">Those that could be read.</param>
/// <param name="Errors">Why others could not, as sentences.</param>
sealed record StatusSnapshot(IReadOnlyList<InstanceStatus> Instances, IReadOnlyList<string> Errors)
{
    /// <summary>
    /// Writes each instance, or that this network namespace has none. Errors explain instances that could not be
    /// read.
    /// </summary>
    public void Write(TextWriter output, Action<InstanceStatus> write)
    {
        if (Instances.Count == 0 && Errors.Count == 0)
            output.WriteLine("nothing is attached in this network namespace");
        foreach (var instance in Instances)
            write(instance);
    }
}
