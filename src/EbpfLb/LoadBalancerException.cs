namespace EbpfLb;

/// <summary>A failure that the user can do something about.</summary>
/// <param name="message">A whole sentence: operation, object, reason, and the remedy where it is known.</param>
/// <param name="cause">What lies beneath, shown with --verbose.</param>
class LoadBalancerException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What the kernel logged about it, in many lines; shown with --verbose. Null if nothing.</summary>
    public string? Log { get; protected init; }
}
