using EbpfLb.Configuration;

namespace EbpfLb.Health;

/// <summary>Checks a backend once.</summary>
interface IHealthCheck
{
    /// <param name="how">TCP or HTTP, and the limit.</param>
    /// <param name="cancellation">Ends it without an outcome.</param>
    ValueTask<CheckOutcome> RunAsync(IPEndPoint at, HealthConfiguration how, CancellationToken cancellation);
}

/// <summary>The outcome of one check.</summary>
/// <param name="IsHealthy">Null if the check could not be made, which says nothing about the backend.</param>
/// <param name="Reason">Why it failed or could not be made.</param>
readonly record struct CheckOutcome(bool? IsHealthy, string Reason)
{
    public static CheckOutcome Healthy => new(true, "");

    public static CheckOutcome Failed(string reason) => new(false, reason);

    public static CheckOutcome Inconclusive(string reason) => new(null, reason);
}
