using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Hosting;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Hosting;

/// <summary>A service whose clients, or a family of them, have no backend is named with what to do.</summary>
public sealed class UnservedClientsAreReported
{
    static readonly IPAddress Own4 = IPAddress.Parse("10.7.0.1");
    static readonly IPAddress Own6 = IPAddress.Parse("fd00:7::1");

    [Theory]
    [InlineData("10.7.0.11", "[fd00:7::1]:80/tcp", "IPv4", "IPv6")]
    [InlineData("fd00:7::11", "10.7.0.1:80/tcp", "IPv6", "IPv4")]
    public void A_family_that_the_interface_has_and_no_backend(string backend, string endpoint, string has, string lacks) => Assert.Equal(
        [
            $"service 'web' listens on {endpoint}, and all its backends have {has} addresses: {lacks} clients are refused. "
                + $"Give it {lacks} backends, or let it listen on an {has} address alone.",
        ],
        UnservedClients.Find([Web(backend)], [Own4, Own6]));

    [Fact]
    public void A_service_without_any_backend() => Assert.Equal(
        ["service 'web' has no backend: its clients are refused. Add one under 'backends:', or label a container with ebpf-lb.service=web."],
        UnservedClients.Find([Web()], [Own4, Own6]));

    [Fact]
    public void Nothing_if_every_family_of_the_interface_has_a_backend()
    {
        Assert.Empty(UnservedClients.Find([Web("10.7.0.11", "fd00:7::11")], [Own4, Own6]));
        Assert.Empty(UnservedClients.Find([Web("10.7.0.11")], [Own4]));
    }

    [Fact]
    public void Nothing_if_the_service_listens_on_an_address_of_its_backends_family() => Assert.Empty(
        UnservedClients.Find([Web("10.7.0.11").With(service => service with { Listen = new(IPAddress.Parse("10.7.0.99"), 80, TransportProtocol.Tcp) })], [Own4, Own6]));

    [Fact]
    public void Nothing_if_a_tunnel_carries_the_other_family() => Assert.Empty(
        UnservedClients.Find([Web("10.7.0.11").With(service => service with { Mode = ForwardingMode.Tunnel })], [Own4, Own6]));

    static ServiceSnapshot Web(params string[] backends) =>
        Snapshots.Web(backends.Select(backend => new BackendSnapshot(IPAddress.Parse(backend), 80, 1, backend)));
}
