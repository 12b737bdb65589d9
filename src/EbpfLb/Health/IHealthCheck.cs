using System.Net;
using EbpfLb.Configuration;

namespace EbpfLb.Health;

/// <summary>Checks a backend once.</summary>
interface IHealthCheck
{
    /// <param name="at">Where the check connects to.</param>
    /// <param name="how">TCP or HTTP, and how long it may take.</param>
    /// <param name="cancellation">Ends it without a result.</param>
    ValueTask<CheckOutcome> RunAsync(IPEndPoint at, HealthConfiguration how, CancellationToken cancellation);
}
