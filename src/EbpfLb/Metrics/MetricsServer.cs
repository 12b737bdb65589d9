using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace EbpfLb.Metrics;

/// <summary>
/// Serves the metrics endpoint over HTTP/1.1 with Kestrel. Silent and slow clients are closed after about a second, and
/// the oldest ones at once when there are too many: they cannot keep others out.
/// </summary>
sealed partial class MetricsServer : IAsyncDisposable, IHttpApplication<HttpContext>
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(1); // Kestrel looks once a second

    readonly KestrelServer _server;
    readonly Func<string, IQueryCollection, HttpResponse> _respond;
    readonly ILogger _logger;

    MetricsServer(Socket listener, Func<string, IQueryCollection, HttpResponse> respond, ILoggerFactory loggers)
    {
        (_respond, _logger) = (respond, loggers.CreateLogger<MetricsServer>());
        var options = new KestrelServerOptions { AddServerHeader = false, AllowSynchronousIO = false };
        options.Limits.RequestHeadersTimeout = Patience;
        options.Limits.KeepAliveTimeout = Patience;
        options.Limits.MaxRequestBodySize = 0;
        var limit = new ConnectionLimit();
        options.Listen((IPEndPoint)listener.LocalEndPoint!, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(limit.RunAsync);
        });
        var transport = new SocketTransportOptions { CreateBoundListenSocket = _ => listener };
        _server = new(Options.Create(options), new SocketTransportFactory(Options.Create(transport), loggers), loggers);
    }

    /// <param name="listener">See <see cref="Bind"/>; the server disposes of it.</param>
    /// <param name="respond">Returns the response for a path and its query.</param>
    /// <param name="cancellation">Gives up starting.</param>
    public static async Task<MetricsServer> StartAsync(
        Socket listener, Func<string, IQueryCollection, HttpResponse> respond, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var server = new MetricsServer(listener, respond, loggers);
        await server._server.StartAsync(server, cancellation);
        return server;
    }

    /// <summary>Binds the endpoint. Connections wait until the server starts.</summary>
    /// <exception cref="LoadBalancerException">The endpoint cannot be bound.</exception>
    public static Socket Bind(IPEndPoint at)
    {
        var listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(at);
            listener.Listen();
            return listener;
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new LoadBalancerException(
                $"metrics cannot be served at {at}: {error.Message}. Give them an address of this machine and a free port.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync(new CancellationToken(canceled: true));
        _server.Dispose();
    }

    HttpContext IHttpApplication<HttpContext>.CreateContext(IFeatureCollection features) => new DefaultHttpContext(features);

    async Task IHttpApplication<HttpContext>.ProcessRequestAsync(HttpContext context)
    {
        var response = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
            ? Respond(context.Request.Path, context.Request.Query)
            : new(HttpStatusCode.MethodNotAllowed, "Only GET and HEAD are known here.\n");
        context.Response.StatusCode = (int)response.Status;
        context.Response.ContentType = response.ContentType;
        context.Response.ContentLength = response.Body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(response.Body, context.RequestAborted);
    }

    void IHttpApplication<HttpContext>.DisposeContext(HttpContext context, Exception? exception)
    {
    }

    HttpResponse Respond(PathString path, IQueryCollection query)
    {
        try
        {
            return _respond(path, query);
        }
        catch (Exception error)
        {
            LogRequestFailed(path, error);
            return new(HttpStatusCode.InternalServerError, $"{error.Message}\n");
        }
    }

    [LoggerMessage(LogLevel.Error, "answering {Path} failed")]
    partial void LogRequestFailed(string path, Exception error);
}
