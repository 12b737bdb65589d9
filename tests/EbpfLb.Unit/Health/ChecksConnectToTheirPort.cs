using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Health.Tunnels;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Health;

/// <summary>A check connects to the port that the service configures for checks, by default to the backend's own.</summary>
public sealed class ChecksConnectToTheirPort
{
    static readonly BackendSnapshot Backend = new(IPAddress.Parse("192.0.2.1"), 80, 1, "a");

    [Theory, InlineData(0, 80), InlineData(9000, 9000)]
    public async Task A_check_connects_to_the_configured_port(ushort configured, int port)
    {
        var checks = new Recorded();
        await using var health = new WatchedHealth(checks);

        await health.ProvideAsync(WatchedHealth.Web(Backend).With(service => service with { Health = new() { Port = configured } }));
        await health.Until(service => service.Backends.Single().Health == BackendHealth.Up);

        Assert.Equal(new IPEndPoint(Backend.Address, port), checks.Last);
    }

    [Theory, InlineData(0, 80), InlineData(9000, 9000)]
    public async Task A_check_through_the_tunnel_goes_to_the_services_address(ushort configured, int port)
    {
        var checks = new Recorded();
        await using var health = new WatchedHealth(checks);
        var service = WatchedHealth.Web(Backend).With(service => service with
        {
            Listen = new(IPAddress.Parse("192.0.2.80"), 80, TransportProtocol.Tcp),
            Mode = ForwardingMode.Tunnel,
            Health = new() { Port = configured, Tunnel = true },
        });

        await health.ProvideAsync(service);
        await health.Until(seen => seen.Backends.Single().Health == BackendHealth.Up);
        Assert.Equal(new TunnelEndPoint(service.Listen.Address!, port, Backend.Address, Encapsulation.Gue, service.Listen.Address!), checks.Last);

        await health.ProvideAsync(service.With(service => service with { Encapsulation = Encapsulation.Ipip }));
        await health.Run(() => checks.Last is TunnelEndPoint { Encapsulation: Encapsulation.Ipip });
        Assert.Equal(BackendHealth.Up, health.Seen[^1].Backends.Single().Health);
    }

    /// <summary>Every check is a good one.</summary>
    sealed class Recorded : IHealthCheck
    {
        volatile IPEndPoint? _last;

        public IPEndPoint? Last => _last;

        public ValueTask<CheckOutcome> RunAsync(IPEndPoint at, HealthConfiguration how, CancellationToken cancellation)
        {
            _last = at;
            return ValueTask.FromResult(CheckOutcome.Healthy);
        }
    }
}
