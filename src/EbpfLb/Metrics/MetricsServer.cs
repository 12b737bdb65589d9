using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Metrics;

/// <summary>
/// A minimal HTTP/1.1 server with one request per connection. Bounds connections, request size and time, so that
/// clients cannot exhaust the process.
/// </summary>
sealed partial class MetricsServer : IAsyncDisposable
{
    const int MaxHeadLength = 8192; // bytes
    const int MaxConnections = 16;

    static readonly TimeSpan ExchangeTimeout = TimeSpan.FromSeconds(10);
    static readonly TimeSpan PauseAfterError = TimeSpan.FromSeconds(1);

    readonly CancellationTokenSource _stop = new();
    readonly TcpListener _listener;
    readonly Func<string, HttpResponse> _respond;
    readonly ILogger _logger;
    readonly Task _serving;

    /// <param name="listener">See <see cref="Bind"/>.</param>
    /// <param name="answer">Returns the response for a path.</param>
    /// <param name="logger">Logs failures.</param>
    public MetricsServer(TcpListener listener, Func<string, HttpResponse> answer, ILogger<MetricsServer> logger)
    {
        (_listener, _respond, _logger) = (listener, answer, logger);
        _serving = Task.WhenAll(Enumerable.Range(0, MaxConnections).Select(_ => ServeAsync()));
    }

    /// <summary>Binds the endpoint. Connections wait until the server starts.</summary>
    /// <exception cref="LoadBalancerException">The endpoint cannot be bound.</exception>
    public static TcpListener Bind(IPEndPoint at)
    {
        var listener = new TcpListener(at);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new LoadBalancerException(
                $"metrics cannot be served at {at}: {error.Message}. Give them an address of this machine and a free port.");
        }
    }

    /// <summary>Completes after the last response.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _stop.Dispose();
    }

    /// <summary>Serves one connection after another.</summary>
    async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await ExchangeAsync(client.GetStream());
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // disposal
            }
            catch (Exception error) when (error is IOException or OperationCanceledException)
            {
                LogNotAnswered(error.Message);
            }
            catch (SocketException error)
            {
                LogNotAccepted(error.Message);
                // file descriptors that ran out stay scarce for a moment
                await Task.Delay(PauseAfterError, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    async Task ExchangeAsync(NetworkStream stream)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(ExchangeTimeout);
        if (await ReadHeadAsync(stream, limit.Token) is { } head)
            await stream.WriteAsync(CreateReply(head), limit.Token);
    }

    /// <summary>Reads up to the empty line; null if it does not arrive.</summary>
    static async Task<string?> ReadHeadAsync(NetworkStream stream, CancellationToken cancellation)
    {
        var buffer = new byte[MaxHeadLength];
        for (var length = 0; length < buffer.Length;)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellation);
            if (read == 0)
                return null;
            length += read;
            if (buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0)
                return Encoding.Latin1.GetString(buffer, 0, length);
        }
        return null;
    }

    byte[] CreateReply(string head)
    {
        var words = head[..head.IndexOf("\r\n", StringComparison.Ordinal)].Split(' ');
        var answer = words switch
        {
            ["GET" or "HEAD", var target, "HTTP/1.0" or "HTTP/1.1"] => Respond(target.Split('?')[0]),
            [_, _, "HTTP/1.0" or "HTTP/1.1"] => new(HttpStatusCode.MethodNotAllowed, "Only GET and HEAD are known here.\n"),
            _ => new(HttpStatusCode.BadRequest, "This is not an HTTP/1.1 request.\n"),
        };
        var header = Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {(int)answer.Status} {answer.Status}\r\nContent-Type: {answer.ContentType}\r\n"
            + $"Content-Length: {answer.Body.Length}\r\nConnection: close\r\n\r\n");
        return words[0] == "HEAD" ? header : [.. header, .. answer.Body];
    }

    HttpResponse Respond(string path)
    {
        try
        {
            return _respond(path);
        }
        catch (Exception error)
        {
            LogFailed(path, error);
            return new(HttpStatusCode.InternalServerError, $"{error.Message}\n");
        }
    }

    [LoggerMessage(LogLevel.Warning, "accepting a metrics connection failed: {Reason}")]
    partial void LogNotAccepted(string reason);

    [LoggerMessage(LogLevel.Debug, "a metrics client closed the connection: {Reason}")]
    partial void LogNotAnswered(string reason);

    [LoggerMessage(LogLevel.Error, "answering {Path} failed")]
    partial void LogFailed(string path, Exception error);
}
