using System.Net;
using System.Net.Sockets;
using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Health.Tunnels;
using EbpfLb.Networking;

namespace EbpfLb.Unit.Health;

/// <summary>
/// A check through the tunnel of mode tunnel reaches the service's address at a backend that decapsulates, and no other
/// backend passes it. The service's address is this machine's as well, as in the guide.
/// </summary>
public sealed class ChecksGoThroughTunnels : IDisposable
{
    const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    static readonly HealthConfiguration Patient = new() { Tunnel = true, Every = TimeSpan.FromSeconds(20), Timeout = TimeSpan.FromSeconds(20) };
    static readonly HealthConfiguration Brief = Patient with { Timeout = TimeSpan.FromMilliseconds(300) };
    static int _cases = 1;

    readonly NetworkCheck _check = new(TimeProvider.System);
    readonly IPAddress _service, _backend;

    /// <summary>Each case has addresses of its own, since all share one port.</summary>
    public ChecksGoThroughTunnels()
    {
        var number = (byte)Interlocked.Increment(ref _cases);
        (_service, _backend) = (new([127, 20, number, 80]), new([127, 20, number, 2]));
    }

    [Theory]
    [InlineData("gue", null)]
    [InlineData("gue", "/ready")]
    [InlineData("ipip", null)]
    [InlineData("ipip", "/ready")]
    public async Task A_backend_that_decapsulates_and_has_the_address_is_healthy(string encapsulation, string? path)
    {
        await using var backend = new TunnelledBackend(_backend, Kind(encapsulation));
        await using var server = new LoopbackServer(Ok, _service);

        for (var i = 0; i < 3; i++)
            Assert.Equal(CheckOutcome.Healthy, await Check(server.EndPoint.Port, Patient with { Path = path }, encapsulation));

        await Eventually.That("SYN, ACK and RST of each have come", () => backend.Packets, packets => packets >= 9);
        Assert.All(server.Ports, port => Assert.InRange(port, SnatPorts.Own.First, SnatPorts.Own.Last));
        Assert.All(server.Requests, request => Assert.Contains($"Host: {server.EndPoint}\r\n", request, StringComparison.Ordinal));
        Assert.Equal(path is null ? 0 : 3, server.Requests.Count);
    }

    [Theory, InlineData("gue"), InlineData("ipip")]
    public async Task A_backend_that_does_not_decapsulate_fails(string encapsulation)
    {
        await using var server = new LoopbackServer(Ok, _service);

        Assert.False((await Check(server.EndPoint.Port, Patient with { Timeout = TimeSpan.FromSeconds(2) }, encapsulation)).IsHealthy);
        Assert.Empty(server.Ports);
    }

    [Fact]
    public async Task A_backend_that_swallows_inner_packets_fails_in_time()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(_backend, 6080));

        Assert.Equal(CheckOutcome.Failed("no answer within 300ms"), await Check(80, Brief, "gue"));
        Assert.Equal(CheckOutcome.Failed("no answer within 300ms"), await Check(80, Brief with { Path = "/" }, "gue"));
    }

    /// <summary>The HTTP client cancels a read by the disposal of its stream.</summary>
    [Fact]
    public async Task A_server_that_connects_and_never_answers_fails_in_time()
    {
        await using var backend = new TunnelledBackend(_backend, Encapsulation.Gue);
        await using var server = new LoopbackServer(answer: null, _service);

        var check = Check(server.EndPoint.Port, Brief with { Path = "/" }, "gue");

        Assert.Equal(CheckOutcome.Failed("no answer within 300ms"),
            await check.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_service_that_refuses_connections_fails()
    {
        await using var backend = new TunnelledBackend(_backend, Encapsulation.Gue);
        var server = new LoopbackServer(Ok, _service);
        var port = server.EndPoint.Port;
        await server.DisposeAsync();

        Assert.Equal(CheckOutcome.Failed("Connection refused"), await Check(port, Patient, "gue"));
        Assert.Equal(CheckOutcome.Failed("Connection refused"), await Check(port, Patient with { Path = "/" }, "gue"));
    }

    [Fact]
    public async Task A_status_of_400_fails()
    {
        await using var backend = new TunnelledBackend(_backend, Encapsulation.Gue);
        await using var server = new LoopbackServer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", _service);

        Assert.Equal(CheckOutcome.Failed("status 503"), await Check(server.EndPoint.Port, Patient with { Path = "/" }, "gue"));
    }

    /// <summary>All have the service's address and port: a connection to one must not answer for another.</summary>
    [Fact]
    public async Task Each_backend_answers_for_itself()
    {
        await using var backend = new TunnelledBackend(_backend, Encapsulation.Gue);
        await using var server = new LoopbackServer(Ok, _service);
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var silentAddress = new IPAddress([.. _backend.GetAddressBytes()[..3], 3]);
        silent.Bind(new IPEndPoint(silentAddress, 6080));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => i % 2 == 0
            ? Check(server.EndPoint.Port, Brief with { Path = "/" }, "gue", silentAddress)
            : Check(server.EndPoint.Port, Patient with { Path = "/" }, "gue")));

        Assert.All(outcomes.Index(), outcome => Assert.Equal(outcome.Index % 2 != 0, outcome.Item.IsHealthy));
    }

    [Fact]
    public async Task Nothing_is_learned_without_another_address_than_the_services()
    {
        var outcome = await _check.RunAsync(
            new TunnelEndPoint(IPAddress.Loopback, 80, IPAddress.Loopback, Encapsulation.Gue), Patient, TestContext.Current.CancellationToken);

        Assert.Equal(CheckOutcome.Inconclusive("lo has no IPv4 address but those of services."), outcome);
    }

    /// <summary>A backend may have the addresses of all services: it would reply to itself.</summary>
    [Fact]
    public async Task No_services_address_is_the_source()
    {
        var outcome = await _check.RunAsync(
            new TunnelEndPoint(_service, 80, IPAddress.Loopback, Encapsulation.Gue, IPAddress.Loopback), Patient, TestContext.Current.CancellationToken);

        Assert.Equal(CheckOutcome.Inconclusive("lo has no IPv4 address but those of services."), outcome);
    }

    public void Dispose() => _check.Dispose();

    static Encapsulation Kind(string word) => ConfigNames.Encapsulations.Parse(word).Value;

    async Task<CheckOutcome> Check(int port, HealthConfiguration how, string encapsulation, IPAddress? backend = null) => await _check.RunAsync(
        new TunnelEndPoint(_service, port, backend ?? _backend, Kind(encapsulation)), how, TestContext.Current.CancellationToken);
}
