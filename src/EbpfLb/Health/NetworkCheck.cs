using System.Runtime.ExceptionServices;
using EbpfLb.Configuration;
using EbpfLb.Health.Tunnels;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace EbpfLb.Health;

/// <summary>Connects to a backend.</summary>
sealed class NetworkCheck : IHealthCheck, IDisposable
{
    const int Retries = 3;
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    static readonly ResiliencePropertyKey<TimeSpan> CheckTimeout = new("health-timeout");

    readonly HttpCheck _http;
    readonly TunnelConnections _tunnels;
    readonly ResiliencePipeline<CheckOutcome> _pipeline;

    public NetworkCheck(TimeProvider time)
    {
        _tunnels = new(time);
        _http = new(OpenAsync);
        _pipeline = new ResiliencePipelineBuilder<CheckOutcome> { TimeProvider = time }
            .AddTimeout(new TimeoutStrategyOptions
            {
                TimeoutGenerator = timed => ValueTask.FromResult(timed.Context.Properties.GetValue(CheckTimeout, default)),
            })
            .AddRetry(new RetryStrategyOptions<CheckOutcome>
            {
                ShouldHandle = attempt => ValueTask.FromResult(
                    attempt.Outcome is { Exception: null, Result.IsHealthy: null }),
                MaxRetryAttempts = Retries,
                Delay = Pause,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
            })
            .Build();
    }

    public async ValueTask<CheckOutcome> RunAsync(
        IPEndPoint at, HealthConfiguration how, CancellationToken cancellation)
    {
        var context = ResilienceContextPool.Shared.Get(cancellation);
        context.Properties.Set(CheckTimeout, how.Timeout);
        try
        {
            var outcome = await _pipeline.ExecuteOutcomeAsync(AttemptAsync, context, (at, how));
            if (outcome.Exception is TimeoutRejectedException)
                return CheckOutcome.Failed($"no answer within {Duration.Format(how.Timeout)}");
            if (outcome.Exception is { } error)
                ExceptionDispatchInfo.Throw(error);
            return outcome.Result;
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _tunnels.Dispose();
    }

    /// <summary>Errors are caught at their source: a propagated exception costs far more than a check.</summary>
    async ValueTask<Outcome<CheckOutcome>> AttemptAsync(
        ResilienceContext context, (IPEndPoint At, HealthConfiguration How) check)
    {
        try
        {
            return Outcome.FromResult(check.How.Path is { } path
                ? await _http.GetAsync(check.At, path, context.CancellationToken)
                : await ConnectAsync(check.At, context.CancellationToken));
        }
        catch (SocketException error)
        {
            return Outcome.FromResult(IsLocalError(error.SocketErrorCode)
                ? CheckOutcome.Inconclusive(error.Message)
                : CheckOutcome.Failed(error.Message));
        }
        catch (TunnelSocketException error)
        {
            return Outcome.FromResult(CheckOutcome.Inconclusive(error.Message));
        }
        catch (OperationCanceledException ended)
        {
            return Outcome.FromException<CheckOutcome>(ended);
        }
    }

    async ValueTask<CheckOutcome> ConnectAsync(IPEndPoint at, CancellationToken cancellation)
    {
        using var connection = await OpenAsync(at, cancellation);
        return CheckOutcome.Healthy;
    }

    async ValueTask<Stream> OpenAsync(IPEndPoint at, CancellationToken cancellation) => at is TunnelEndPoint tunnel
        ? await _tunnels.ConnectAsync(tunnel, cancellation)
        : new NetworkStream(await CheckSocket.ConnectAsync(at, cancellation), ownsSocket: true);

    /// <summary>True if the balancer lacks a resource: a port, a buffer, a file descriptor or an address.</summary>
    static bool IsLocalError(SocketError error) => error is SocketError.AddressNotAvailable or SocketError.AddressAlreadyInUse
        or SocketError.NoBufferSpaceAvailable or SocketError.TooManyOpenSockets;
}
