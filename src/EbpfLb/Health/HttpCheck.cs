using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;

namespace EbpfLb.Health;

/// <summary>An HTTP/1.1 request on a new connection. Only the response's head is read.</summary>
sealed class HttpCheck : IDisposable
{
    readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
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
            for (Exception? cause = error; cause is not null; cause = cause.InnerException)
            {
                if (cause is SocketException)
                    ExceptionDispatchInfo.Throw(cause);
            }
            return CheckOutcome.Failed(error.Message.TrimEnd('.'));
        }
    }

    public void Dispose() => _http.Dispose();
}
