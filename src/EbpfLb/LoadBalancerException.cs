namespace EbpfLb;

/// <summary>A failure that the user can fix.</summary>
/// <param name="message">A sentence with operation, object, cause and, if known, the remedy.</param>
/// <param name="cause">The inner exception, shown with --verbose.</param>
class LoadBalancerException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What the kernel logged about it, in many lines; shown with --verbose. Null if nothing.</summary>
    public string? Log { get; protected init; }
}
