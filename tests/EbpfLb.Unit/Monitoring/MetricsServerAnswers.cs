using System.Net;
using System.Net.Sockets;
using System.Text;
using EbpfLb.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Monitoring;

/// <summary>The endpoint of metrics answers who asks properly, and is not harmed by who does not.</summary>
public sealed class MetricsServerAnswers : IAsyncLifetime
{
    static readonly TimeSpan Promptly = TimeSpan.FromSeconds(1);

    readonly Socket _listener = MetricsServer.Bind(new(IPAddress.Loopback, 0));
    readonly IPEndPoint _endPoint;
    readonly HttpClient _http;
    MetricsServer _server = null!;

    public MetricsServerAnswers()
    {
        _endPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _http = new() { BaseAddress = new($"http://{_endPoint}") };
    }

    public async ValueTask InitializeAsync() => _server = await MetricsServer.StartAsync(_listener, (path, query) => path switch
    {
        "/text" => new(HttpStatusCode.OK, query["to"].ToString() is { Length: > 0 } name ? $"Grüße, {name}\n" : "Grüße\n"),
        "/ill" => new(HttpStatusCode.ServiceUnavailable, "no\n"),
        "/broken" => throw new LoadBalancerException("the map is gone."),
        _ => new(HttpStatusCode.NotFound, "nothing\n"),
    }, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("GET", "/text", HttpStatusCode.OK, "Grüße\n")]
    [InlineData("GET", "/text?name=a", HttpStatusCode.OK, "Grüße\n")]
    [InlineData("GET", "/text?to=a%20b", HttpStatusCode.OK, "Grüße, a b\n")]
    [InlineData("HEAD", "/text", HttpStatusCode.OK, "")]
    [InlineData("GET", "/ill", HttpStatusCode.ServiceUnavailable, "no\n")]
    [InlineData("GET", "/", HttpStatusCode.NotFound, "nothing\n")]
    [InlineData("GET", "/broken", HttpStatusCode.InternalServerError, "the map is gone.\n")]
    [InlineData("POST", "/text", HttpStatusCode.MethodNotAllowed, "Only GET and HEAD are known here.\n")]
    public async Task A_request_gets_the_content_of_its_path(string method, string path, HttpStatusCode status, string text)
    {
        using var request = new HttpRequestMessage(new(method), path);

        using var answer = await _http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(text, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("hello\r\n\r\n")]
    [InlineData("GET /text\r\n\r\n")]
    [InlineData("GET /text HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")]
    public async Task A_malformed_request_gets_an_error(string bytes)
    {
        var answer = await ExchangeAsync(bytes);

        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(ConnectionLimit.Max + 64)]
    public async Task Silent_connections_do_not_block_others(int count)
    {
        var silent = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => ConnectAsync()));
        using var deadline = new CancellationTokenSource(Promptly);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _http.GetStringAsync("/text", deadline.Token)));

        Assert.All(answers, answer => Assert.Equal("Grüße\n", answer));
        Array.ForEach(silent, client => client.Dispose());
    }

    [Theory]
    [InlineData("")]
    [InlineData("\r\n\r\n")]
    [InlineData("GET /te")]
    [InlineData("GET /text HTTP/1.1\r\nHost: a\r\n")]
    public async Task A_connection_that_falls_silent_is_closed(string bytes)
    {
        using var client = await ConnectAsync();
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(bytes), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(client.GetStream());

        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);

        Assert.DoesNotContain("Grüße", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endless_request_is_not_read()
    {
        var answer = await ExchangeAsync($"GET /{new string('a', 8192)}");

        Assert.StartsWith("HTTP/1.1 414 ", answer, StringComparison.Ordinal);
        Assert.Equal("Grüße\n", await _http.GetStringAsync("/text", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Many_requests_at_a_time()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(
            _ => _http.GetStringAsync("/text", TestContext.Current.CancellationToken)));

        Assert.All(answers, answer => Assert.Equal("Grüße\n", answer));
    }

    [Fact]
    public void An_endpoint_in_use_is_an_error_in_a_sentence()
    {
        var fault = Assert.Throws<LoadBalancerException>(() => MetricsServer.Bind(_endPoint));

        Assert.StartsWith($"metrics cannot be served at {_endPoint}: ", fault.Message, StringComparison.Ordinal);
    }

    async Task<string> ExchangeAsync(string bytes)
    {
        using var client = await ConnectAsync();
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(_endPoint, TestContext.Current.CancellationToken);
        return client;
    }
}
