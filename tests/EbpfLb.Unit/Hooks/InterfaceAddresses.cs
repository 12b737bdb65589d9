using System.Net;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Hooks;

/// <summary>What 'self' stands for: the addresses by which other machines reach the interface.</summary>
public sealed class InterfaceAddresses
{
    [Fact]
    public void Are_ipv4_and_ipv6_without_link_local_ones()
    {
        var addresses = On("address add 192.0.2.1/24 dev eth7", "address add 2001:db8::1/64 dev eth7",
            "address add fd00::1/64 dev eth7", "address add fe80::7/64 dev eth7", "address add 2001:db8::9/64 dev other");

        Assert.Equal("192.0.2.1", addresses[0]);
        Assert.Equal(["2001:db8::1", "fd00::1"], addresses.Skip(1).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void May_be_ipv6_alone() => Assert.Equal(["fd00::1"], On("address add fd00::1/64 dev eth7"));

    [Fact]
    public void May_be_ipv4_alone() => Assert.Equal(["192.0.2.1"], On("address add 192.0.2.1/24 dev eth7"));

    [Fact]
    public void Are_one_at_least()
    {
        var fault = Assert.Throws<LoadBalancerException>(() => On("address add fe80::7/64 dev eth7"));

        Assert.Contains("'eth7' has no address that other machines could reach", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Are_not_those_of_another_interface_of_the_same_name()
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.Configure("link add eth7 type veth peer name other", "address add 192.0.2.1/24 dev eth7");
        var device = network.Run(() => NetworkDevice.Find("eth7"));

        network.Configure("link del eth7", "link add eth7 type veth peer name other", "address add 192.0.2.1/24 dev eth7");

        var fault = Assert.Throws<LoadBalancerException>(() => network.Run(() => device.Addresses()));
        Assert.Contains("interface 'eth7' is gone", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_listing_is_an_error_in_a_sentence()
    {
        var fault = Assert.Throws<LoadBalancerException>(() => Interfaces.Read<bool>(_ => throw new FileNotFoundException("it is gone")));

        Assert.Equal("listing the network interfaces failed: it is gone", fault.Message);
    }

    [Theory]
    [InlineData("00", "80", true)] // permanent
    [InlineData("00", "00", true)] // by router advertisement
    [InlineData("00", "40", true)] // still being probed for duplicates
    [InlineData("00", "48", false)] // another machine has it
    [InlineData("00", "01", false)] // temporary, soon to be another
    [InlineData("20", "80", false)] // holds on the link only
    [InlineData("10", "80", false)] // holds on the machine only
    public void Are_stable_and_unique(string scope, string flags, bool lasts)
    {
        string[] lines =
        [
            $"20010db8000000000000000000000001 02 40 {scope} {flags}     eth7",
            "20010db8000000000000000000000002 03 40 00 80    eth70",
        ];

        var found = NetworkDevice.StableIpv6(lines, "eth7");

        Assert.Equal(lasts ? [IPAddress.Parse("2001:db8::1")] : [], found);
    }

    /// <summary>The addresses of eth7 in a network of its own, set up by lines for iproute2.</summary>
    static string[] On(params string[] lines)
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.Configure(["link add eth7 type veth peer name other", "link set eth7 up", .. lines]);
        return network.Run(() =>
        {
            var device = NetworkDevice.Find("eth7");
            Assert.Equal(("eth7", "veth", true), (device.Name, device.Driver, device.IsVirtual));
            Assert.NotEqual(0, device.Index);
            return device.Addresses().Select(address => address.ToString()).ToArray();
        });
    }
}
