using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Configuration;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace EbpfLb.Providers;

/// <summary>Asks the name service with patience: little while running, more at the start.</summary>
sealed class NameLookup(INameService names, TimeProvider time)
{
    static readonly TimeSpan LongestAttempt = TimeSpan.FromSeconds(2);
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(5);
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(600);
    const int Retries = 3; // with pauses that double and jitter: a name that is refused at once fails after about 3 s

    readonly ResiliencePipeline _once = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddTimeout(LongestAttempt)
        .Build();

    readonly ResiliencePipeline _patient = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddTimeout(LongestStart)
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<SocketException>().Handle<TimeoutRejectedException>(),
            MaxRetryAttempts = Retries,
            Delay = FirstPause,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .AddTimeout(LongestAttempt)
        .Build();

    /// <summary>The addresses of a host, sorted, IPv4 first, or the reason why there are none.</summary>
    public async Task<Answer> AskAsync(string host, bool patiently, CancellationToken cancellation)
    {
        try
        {
            var found = await (patiently ? _patient : _once).ExecuteAsync(
                async token => await names.ResolveAsync(host, token), cancellation);
            var usable = found
                .Where(address => Syntax.Obstacle(address) is null).Distinct()
                .OrderBy(address => address.AddressFamily).ThenBy(address => address, AddressOrder).ToImmutableArray();
            return usable.IsEmpty
                ? new Answer([], $"no address that packets can be sent to in [{string.Join<object>(", ", found)}]")
                : new Answer(usable, null);
        }
        catch (SocketException fault)
        {
            var isGone = fault.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData;
            return new Answer([], fault.Message, isGone);
        }
        catch (TimeoutRejectedException)
        {
            return new Answer([], "no answer in time");
        }
    }

    static readonly Comparer<IPAddress> AddressOrder = Comparer<IPAddress>.Create(
        (one, other) => one.GetAddressBytes().AsSpan().SequenceCompareTo(other.GetAddressBytes()));
}

/// <summary>The addresses of a host; where there are none, the reason.</summary>
/// <param name="IsGone">The name service knows that there are none, rather than not knowing.</param>
sealed record Answer(ImmutableArray<IPAddress> Addresses, string? Failure, bool IsGone = false);
