using System.Net;
using EbpfLb.Configuration;

namespace EbpfLb.Health;

/// <summary>Checks a backend once.</summary>
interface IHealthCheck
{
    /// <param name="at">The endpoint to connect to.</param>
    /// <param name="how">TCP or HTTP, and the limit.</param>
    /// <param name="cancellation">Ends it without an outcome.</param>
    ValueTask<CheckOutcome> RunAsync(IPEndPoint at, HealthConfiguration how, CancellationToken cancellation);
}
