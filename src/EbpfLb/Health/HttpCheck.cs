using System.Runtime.ExceptionServices;
using EbpfLb.Health.Tunnels;

namespace EbpfLb.Health;

/// <summary>An HTTP/1.1 request on a new connection. Only the response's head is read.</summary>
/// <param name="connect">Opens a connection.</param>
sealed class HttpCheck(Func<IPEndPoint, CancellationToken, ValueTask<Stream>> connect) : IDisposable
{
    static readonly HttpRequestOptionsKey<(IPEndPoint At, CancellationToken Ended)> Check = new("check");

    readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        ConnectCallback = (context, cancellation) => ConnectAsync(connect, context, cancellation),
        ActivityHeadersPropagator = null,
        AllowAutoRedirect = false,
        MaxResponseDrainSize = 0,
        PooledConnectionLifetime = TimeSpan.Zero,
        UseCookies = false,
        UseProxy = false,
    });

    /// <exception cref="SocketException">The connection failed.</exception>
    /// <exception cref="TunnelSocketException">The balancer could not open a socket of its own.</exception>
    public async ValueTask<CheckOutcome> GetAsync(IPEndPoint at, string path, CancellationToken cancellation)
    {
        // The handler gives a connection whose request was cancelled to another request of the same host and port.
        var host = at is TunnelEndPoint tunnel ? $"{tunnel.UniqueName}:{at.Port}" : $"{at}";
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{host}{path}");
        request.Headers.Host = $"{at}";
        request.Options.Set(Check, (at, cancellation));
        request.Headers.ConnectionClose = true;
        request.Headers.UserAgent.Add(new("ebpf-lb", null));
        try
        {
            using var response = await _http.SendAsync(request, cancellation);
            return response.StatusCode is >= HttpStatusCode.OK and < HttpStatusCode.BadRequest
                ? CheckOutcome.Healthy
                : CheckOutcome.Failed($"status {(int)response.StatusCode}");
        }
        catch (HttpRequestException error)
        {
            // A connection that is cancelled as it fails is reported by either exception.
            cancellation.ThrowIfCancellationRequested();
            for (Exception? cause = error; cause is not null; cause = cause.InnerException)
            {
                if (cause is SocketException or TunnelSocketException)
                    ExceptionDispatchInfo.Throw(cause);
            }
            return CheckOutcome.Failed(error.Message.TrimEnd('.'));
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>
    /// The connection attempt ends with its check. The handler would let it go on, for later requests: two minutes for a
    /// host that swallows SYNs.
    /// </summary>
    static async ValueTask<Stream> ConnectAsync(
        Func<IPEndPoint, CancellationToken, ValueTask<Stream>> connect, SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        context.InitialRequestMessage.Options.TryGetValue(Check, out var check);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, check.Ended);
        return await connect(check.At, ended.Token);
    }
}
