using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Reconcile;

/// <summary>One configured service is one for each address family to the kernel.</summary>
public sealed class ServicesSplitByAddressFamily
{
    static readonly ImmutableArray<IPAddress> V4 = [IPAddress.Parse("192.0.2.1")];
    static readonly ImmutableArray<IPAddress> V6 = [IPAddress.Parse("2001:db8::1"), IPAddress.Parse("fd00::1")];
    static readonly ImmutableArray<IPAddress> Both = [.. V4, .. V6];

    [Fact]
    public void Each_part_listens_on_and_leads_to_addresses_of_its_family()
    {
        var parts = KernelService.Create([Service("web", null, "192.0.2.2", "2001:db8::2", "192.0.2.3")], Both);

        Assert.Equal(
            [
                "web InterNetwork: 192.0.2.1:80/tcp => 192.0.2.2, 192.0.2.3",
                "web InterNetworkV6: [2001:db8::1]:80/tcp, [fd00::1]:80/tcp => 2001:db8::2",
            ],
            parts.Select(Text));
    }

    [Fact]
    public void A_family_without_an_address_to_listen_on_has_no_part()
    {
        var web = Service("web", null, "192.0.2.2", "2001:db8::2");

        Assert.Equal(["web InterNetwork: 192.0.2.1:80/tcp => 192.0.2.2"], KernelService.Create([web], V4).Select(Text));
        Assert.Equal(AddressFamily.InterNetworkV6, Assert.Single(KernelService.Create([web], V6)).Identity.Family);
        Assert.Empty(KernelService.Create([web], []));
    }

    [Fact]
    public void A_family_without_backends_has_a_part_that_refuses() => Assert.Equal(
        ["web InterNetwork: 192.0.2.1:80/tcp => 192.0.2.2", "web InterNetworkV6: [2001:db8::1]:80/tcp, [fd00::1]:80/tcp => "],
        KernelService.Create([Service("web", null, "192.0.2.2")], Both).Select(Text));

    /// <summary>A tunnel carries packets of the other family; a backend of the client's own comes first.</summary>
    [Fact]
    public void In_mode_tunnel_a_family_without_backends_gets_those_of_the_other()
    {
        var tunnelled = Service("web", null, "192.0.2.2").With(service => service with { Mode = ForwardingMode.Tunnel });
        var both = Service("web", null, "192.0.2.2", "2001:db8::2").With(service => service with { Mode = ForwardingMode.Tunnel });

        Assert.Equal(["192.0.2.2", "192.0.2.2"], BackendsOf(tunnelled));
        Assert.Equal(["192.0.2.2", "2001:db8::2"], BackendsOf(both));

        static IEnumerable<string> BackendsOf(ServiceSnapshot service) =>
            KernelService.Create([service], Both).Select(part => string.Join(", ", part.Backends.Select(backend => backend.Address)));
    }

    [Fact]
    public void An_address_of_its_own_takes_the_interfaces_place() => Assert.Equal(
        ["web InterNetworkV6: [2001:db8::80]:80/tcp => 2001:db8::2"],
        KernelService.Create([Service("web", "2001:db8::80", "192.0.2.2", "2001:db8::2")], Both).Select(Text));

    [Fact]
    public void An_address_that_the_interface_has_twice_is_listened_on_once() =>
        Assert.Single(Assert.Single(KernelService.Create([Service("web", null)], [.. V4, .. V4])).Keys);

    [Fact]
    public void A_named_address_does_not_belong_to_self_services() => Assert.Equal(
        [
            "web InterNetwork: 192.0.2.1:80/tcp => ", "web InterNetworkV6: [2001:db8::1]:80/tcp => ",
            "api InterNetworkV6: [fd00::1]:80/tcp => ",
        ],
        KernelService.Create([Service("web", null), Service("api", "fd00::1")], Both).Select(Text));

    static ServiceSnapshot Service(string name, string? listen, params string[] backends) => Snapshots.Service(
        name, new ListenEndpoint(listen is null ? null : IPAddress.Parse(listen), 80, TransportProtocol.Tcp),
        backends.Select(backend => new BackendSnapshot(IPAddress.Parse(backend), 80, 1, backend)));

    static string Text(KernelService part) =>
        $"{part.Identity.Name} {part.Identity.Family}: {string.Join(", ", part.Keys)} => "
        + string.Join(", ", part.Backends.Select(backend => backend.Address));
}
