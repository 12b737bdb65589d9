using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using Polly;
using Polly.Retry;

namespace EbpfLb.Providers;

/// <summary>
/// Follows the services of the latest configuration. The former services stay until the new backends are found; a
/// failed search is retried at growing intervals until it succeeds or another configuration arrives.
/// </summary>
sealed partial class DynamicConfiguration(
    Func<LoadBalancerConfiguration, CancellationToken, IAsyncEnumerable<ImmutableArray<ServiceSnapshot>>> follow,
    TimeProvider time, ILogger<DynamicConfiguration> logger)
{
    static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(15);

    /// <summary>The services, now and at each change.</summary>
    /// <param name="changes">Its successors; the last one stays.</param>
    /// <exception cref="LoadBalancerException">The first configuration's backends cannot be found.</exception>
    public async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> WatchAsync(
        LoadBalancerConfiguration first, IAsyncEnumerable<LoadBalancerConfiguration> changes,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var coming = new Subscription<LoadBalancerConfiguration>(_ => changes, cancellation);
        var current = new Subscription<ImmutableArray<ServiceSnapshot>>(token => follow(first, token), cancellation);
        Subscription<ImmutableArray<ServiceSnapshot>>? candidate = null;
        try
        {
            while (true)
            {
                var came = await Task.WhenAny(
                    candidate is null ? [current.Available, coming.Available] : [current.Available, candidate.Available, coming.Available]);
                if (came == coming.Available)
                {
                    var next = await coming.ReadAsync();
                    await DisposeAsync(candidate);
                    candidate = new(token => RetryAsync(next, token), cancellation);
                    continue;
                }
                if (came == candidate?.Available)
                {
                    await came; // rethrows errors that are not a configuration's
                    await current.DisposeAsync();
                    (current, candidate) = (candidate!, null);
                    LogConfigurationApplied();
                }
                yield return await current.ReadAsync();
            }
        }
        finally
        {
            await DisposeAsync(candidate);
            await current.DisposeAsync();
        }
    }

    /// <summary>Follows a configuration's services once its backends are found; logs the first failure.</summary>
    async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> RetryAsync(
        LoadBalancerConfiguration next, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var retry = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<LoadBalancerException>(),
                MaxRetryAttempts = int.MaxValue,
                Delay = FirstPause,
                MaxDelay = MaxPause,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                OnRetry = attempt =>
                {
                    if (attempt.AttemptNumber == 0)
                        LogConfigurationNotApplied(attempt.Outcome.Exception!.Message);
                    return default;
                },
            })
            .Build();
        await using var found = await retry.ExecuteAsync(async token => await StartAsync(next, token), cancellation);
        while (true)
            yield return await found.ReadAsync();
    }

    async Task<Subscription<ImmutableArray<ServiceSnapshot>>> StartAsync(
        LoadBalancerConfiguration next, CancellationToken cancellation)
    {
        var found = new Subscription<ImmutableArray<ServiceSnapshot>>(token => follow(next, token), cancellation);
        try
        {
            await found.Available;
            return found;
        }
        catch
        {
            await found.DisposeAsync();
            throw;
        }
    }

    static ValueTask DisposeAsync(Subscription<ImmutableArray<ServiceSnapshot>>? candidate) =>
        candidate?.DisposeAsync() ?? ValueTask.CompletedTask;

    [LoggerMessage(LogLevel.Information, "the new configuration is applied")]
    partial void LogConfigurationApplied();

    [LoggerMessage(LogLevel.Error, "applying the new configuration failed, nothing changes yet: {Error} Retrying.")]
    partial void LogConfigurationNotApplied(string error);
}
