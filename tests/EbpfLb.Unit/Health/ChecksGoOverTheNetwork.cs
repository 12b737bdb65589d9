using System.Net;
using System.Net.Sockets;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Health;
using EbpfLb.Unit.Datapath.Cases;

namespace EbpfLb.Unit.Health;

/// <summary>What a check makes of real servers.</summary>
public sealed class ChecksGoOverTheNetwork : IDisposable
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    static readonly HealthConfiguration Tcp = new() { Timeout = Patience };
    static readonly HealthConfiguration Http = Tcp with { Path = "/ready?deep=1" };

    readonly NetworkCheck _check = new(TimeProvider.System);

    [Fact]
    public async Task A_port_that_can_be_connected_to_is_healthy()
    {
        await using var server = new LoopbackServer();

        Assert.Equal(CheckOutcome.Healthy, await Check(server, Tcp));
    }

    [Fact]
    public async Task A_port_that_refuses_is_not()
    {
        var server = new LoopbackServer();
        var nobody = server.EndPoint;
        await server.DisposeAsync();

        Assert.Equal(CheckOutcome.Failed("Connection refused"), await Check(nobody, Tcp));
        Assert.Equal(CheckOutcome.Failed("Connection refused"), await Check(nobody, Http));
    }

    [Theory]
    [InlineData("200 OK", true)]
    [InlineData("204 No Content", true)]
    [InlineData("302 Found\r\nLocation: http://198.51.100.1/", true)]
    [InlineData("400 Bad Request", false)]
    [InlineData("404 Not Found", false)]
    [InlineData("503 Service Unavailable", false)]
    public async Task An_http_status_below_400_is_healthy(string status, bool isHealthy)
    {
        await using var server = new LoopbackServer($"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");

        var outcome = await Check(server, Http);

        Assert.Equal(isHealthy ? CheckOutcome.Healthy : CheckOutcome.Failed($"status {status[..3]}"), outcome);
    }

    [Fact]
    public async Task An_http_check_asks_for_its_path_and_ends_the_connection()
    {
        await using var server = new LoopbackServer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

        await Check(server, Http);
        await Check(server, Http);

        Assert.Equal(2, server.Ports.Count);
        Assert.All(server.Requests, request =>
        {
            Assert.StartsWith("GET /ready?deep=1 HTTP/1.1\r\n", request, StringComparison.Ordinal);
            Assert.Contains($"Host: {server.EndPoint}\r\n", request, StringComparison.Ordinal);
            Assert.Contains("Connection: close\r\n", request, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_long_answer_is_not_waited_for()
    {
        await using var server = new LoopbackServer("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nthe rest never comes");

        Assert.Equal(CheckOutcome.Healthy, await Check(server, Http));
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH\r\n")]
    [InlineData("HTTP/1.1 \r\n\r\n")]
    [InlineData("")]
    public async Task A_response_that_is_not_http_is_a_failure(string answer)
    {
        await using var server = new LoopbackServer(answer);

        Assert.False((await Check(server, Http)).IsHealthy);
    }

    [Fact]
    public async Task A_server_that_hangs_fails_in_time()
    {
        await using var server = new LoopbackServer();

        var outcome = await Check(server, Http with { Timeout = TimeSpan.FromMilliseconds(50) });

        Assert.Equal(CheckOutcome.Failed("no answer within 50ms"), outcome);
    }

    [Fact]
    public async Task A_check_that_is_cancelled_has_no_outcome()
    {
        await using var server = new LoopbackServer();
        using var stop = new CancellationTokenSource();
        var check = _check.RunAsync(server.EndPoint, Http, stop.Token).AsTask();

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => check);
    }

    /// <summary>The handler of HTTP lets an attempt go on that no request waits for: 127 s, with tcp_syn_retries of 6.</summary>
    [Fact]
    public async Task A_host_that_drops_SYNs_holds_no_socket_after_its_check()
    {
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var at = (IPEndPoint)full.LocalEndPoint!;
        using var queued = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await queued.ConnectAsync(at, TestContext.Current.CancellationToken); // fills the queue: further SYNs are dropped

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Check(at, Http with { Timeout = TimeSpan.FromMilliseconds(100) })));

        Assert.All(outcomes, outcome => Assert.Equal(CheckOutcome.Failed("no answer within 100ms"), outcome));
        await Eventually.That("no connection is attempted any more", () => Attempts(at), attempts => attempts == 0);
    }

    /// <summary>The sockets that have sent a SYN to an endpoint and wait for an answer.</summary>
    static int Attempts(IPEndPoint to) => File.ReadLines("/proc/net/tcp").Skip(1)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Count(field => field[2].EndsWith($":{to.Port:X4}", StringComparison.Ordinal) && field[3] == "02"); // TCP_SYN_SENT

    [Fact]
    [Case(PacketCase.OwnConnections)]
    public async Task The_ports_are_of_a_range_that_snat_never_uses()
    {
        var snat = DatapathSettings.Read(EventLevel.Off);
        await using var server = new LoopbackServer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

        for (var i = 0; i < 50; i++)
        {
            await Check(server, Tcp);
            await Check(server, Http);
        }

        Assert.Equal(100, server.Ports.Count);
        Assert.All(server.Ports, port => Assert.InRange(port, snat.NatPortMax + 1, ushort.MaxValue));
    }

    public void Dispose() => _check.Dispose();

    Task<CheckOutcome> Check(LoopbackServer server, HealthConfiguration how) => Check(server.EndPoint, how);

    async Task<CheckOutcome> Check(IPEndPoint at, HealthConfiguration how) =>
        await _check.RunAsync(at, how, TestContext.Current.CancellationToken);
}
