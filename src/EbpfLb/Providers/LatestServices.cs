using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using EbpfLb.Configuration;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Providers;

/// <summary>
/// Follows the services of the latest configuration. Those of the one before it stay until the new one's backends are
/// known, and altogether where they cannot be found.
/// </summary>
/// <param name="follow">Follows the services of one configuration, until it is cancelled.</param>
/// <param name="logger">Told what becomes of a configuration.</param>
sealed partial class LatestServices(
    Func<LoadBalancerConfiguration, CancellationToken, IAsyncEnumerable<ImmutableArray<ServiceSnapshot>>> follow,
    ILogger<LatestServices> logger)
{
    /// <summary>The services: at once, and again whenever something changed, without end.</summary>
    /// <param name="first">Where to begin.</param>
    /// <param name="changes">Those that take its place; the last one stays when they end.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="LoadBalancerException">The first configuration's backends cannot be found.</exception>
    public async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> WatchAsync(
        LoadBalancerConfiguration first, IAsyncEnumerable<LoadBalancerConfiguration> changes,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var coming = new Followed<LoadBalancerConfiguration>(_ => changes, cancellation);
        var current = new Followed<ImmutableArray<ServiceSnapshot>>(token => follow(first, token), cancellation);
        Followed<ImmutableArray<ServiceSnapshot>>? candidate = null;
        try
        {
            while (true)
            {
                var came = await Task.WhenAny(
                    candidate is null ? [current.Next, coming.Next] : [current.Next, candidate.Next, coming.Next]);
                if (came == coming.Next)
                {
                    var next = await coming.TakeAsync();
                    await DisposeAsync(candidate);
                    candidate = new(token => follow(next, token), cancellation);
                    continue;
                }
                if (came == candidate?.Next)
                {
                    if (came.Exception?.InnerException is LoadBalancerException fault)
                    {
                        LogRefused(fault.Message);
                        await DisposeAsync(candidate);
                        candidate = null;
                        continue;
                    }
                    await came; // another fault than that of a configuration ends it all
                    await current.DisposeAsync();
                    (current, candidate) = (candidate!, null);
                    LogTaken();
                }
                yield return await current.TakeAsync();
            }
        }
        finally
        {
            await DisposeAsync(candidate);
            await current.DisposeAsync();
        }
    }

    static ValueTask DisposeAsync(Followed<ImmutableArray<ServiceSnapshot>>? candidate) =>
        candidate?.DisposeAsync() ?? ValueTask.CompletedTask;

    [LoggerMessage(LogLevel.Information, "the configuration was read again and is in force")]
    partial void LogTaken();

    [LoggerMessage(LogLevel.Error, "the configuration was read again; nothing changes, because {Fault} SIGHUP has it tried again")]
    partial void LogRefused(string fault);
}
