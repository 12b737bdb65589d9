using EbpfLb.Configuration;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace EbpfLb.Providers.Names;

/// <summary>Resolves a name: one attempt while running, with retries at the start.</summary>
sealed class NameLookup(INameResolver names, TimeProvider time)
{
    static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(2);
    static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(600);
    const int Retries = 3; // pauses double, with jitter: a name that is refused at once fails after about 3 s

    readonly ResiliencePipeline _once = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddTimeout(AttemptTimeout)
        .Build();

    readonly ResiliencePipeline _atStart = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddTimeout(StartTimeout)
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<SocketException>().Handle<TimeoutRejectedException>(),
            MaxRetryAttempts = Retries,
            Delay = FirstPause,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .AddTimeout(AttemptTimeout)
        .Build();

    /// <summary>The usable addresses of a host, sorted, IPv4 first; or the reason why there are none.</summary>
    public async Task<NameResolution> ResolveAsync(string host, bool isStartup, CancellationToken cancellation)
    {
        try
        {
            var found = await (isStartup ? _atStart : _once).ExecuteAsync(
                async token => await names.ResolveAsync(host, token), cancellation);
            var usable = Sort(found.Where(address => Syntax.CheckUnicast(address) is null).Distinct());
            return usable.IsEmpty
                ? new NameResolution([], $"no address that packets can be sent to in [{string.Join<object>(", ", found)}]")
                : new NameResolution(usable, null);
        }
        catch (SocketException error)
        {
            var isGone = error.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData;
            return new NameResolution([], error.Message, isGone);
        }
        catch (TimeoutRejectedException)
        {
            return new NameResolution([], "no answer in time");
        }
    }

    /// <summary>By family, IPv4 first, then by value.</summary>
    public static ImmutableArray<IPAddress> Sort(IEnumerable<IPAddress> addresses) =>
        [.. addresses.OrderBy(address => address.AddressFamily).ThenBy(address => address, AddressOrder)];

    static readonly Comparer<IPAddress> AddressOrder = Comparer<IPAddress>.Create(
        (one, other) => one.GetAddressBytes().AsSpan().SequenceCompareTo(other.GetAddressBytes()));
}

/// <summary>The addresses of a host, or why there are none.</summary>
/// <param name="IsGone">True if a server knows that there are none; false if none answered.</param>
sealed record NameResolution(ImmutableArray<IPAddress> Addresses, string? Error, bool IsGone = false);
