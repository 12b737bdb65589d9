namespace EbpfLb.Status;

/// <summary>What could be read at one moment.</summary>
/// <param name="Instances">Those that could.</param>
/// <param name="Errors">Why others could not, a sentence each.</param>
sealed record StatusSnapshot(IReadOnlyList<InstanceStatus> Instances, IReadOnlyList<string> Errors)
{
    /// <summary>
    /// Writes each instance, or that there is none: of this network namespace, as those of others, in containers for
    /// example, are not to be seen. Where one could not be read its problem says more.
    /// </summary>
    public void Write(TextWriter output, Action<InstanceStatus> write)
    {
        if (Instances.Count == 0 && Errors.Count == 0)
            output.WriteLine("nothing is attached in this network namespace");
        foreach (var instance in Instances)
            write(instance);
    }
}
