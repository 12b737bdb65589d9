using System.Runtime.ExceptionServices;

namespace EbpfLb.Health;

/// <summary>An HTTP/1.1 request on a new connection. Only the response's head is read.</summary>
sealed class HttpCheck : IDisposable
{
    static readonly HttpRequestOptionsKey<(IPEndPoint At, CancellationToken Ended)> Check = new("check");

    readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        ConnectCallback = ConnectAsync,
        ActivityHeadersPropagator = null,
        AllowAutoRedirect = false,
        MaxResponseDrainSize = 0,
        PooledConnectionLifetime = TimeSpan.Zero,
        UseCookies = false,
        UseProxy = false,
    });

    /// <exception cref="SocketException">The connection failed.</exception>
    public async ValueTask<CheckOutcome> GetAsync(IPEndPoint at, string path, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{at}{path}");
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
                if (cause is SocketException)
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
    static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        context.InitialRequestMessage.Options.TryGetValue(Check, out var check);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, check.Ended);
        return new NetworkStream(await CheckSocket.ConnectAsync(check.At, ended.Token), ownsSocket: true);
    }
}
