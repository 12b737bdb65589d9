using System.Net.Sockets;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Hooks;

/// <summary>Whether the kernel forwards is read from its settings; where it does not tell, a sentence says so.</summary>
public sealed class DisabledForwardingIsReported
{
    readonly NetworkNamespace _network = new();

    public DisabledForwardingIsReported() => Capabilities.RequireDatapath();

    [Theory, InlineData("0", false), InlineData("1", true)]
    public void For_all_interfaces(string setting, bool isOn) => Assert.Equal(isOn, _network.Run(() =>
    {
        File.WriteAllText("/proc/sys/net/ipv4/ip_forward", setting);
        return Forwarding.IsEnabled();
    }));

    [Fact]
    public void For_an_interface_that_is_gone()
    {
        var fault = Assert.Throws<LoadBalancerException>(
            () => _network.Run(() => Forwarding.IsEnabled("gone", AddressFamily.InterNetwork)));

        Assert.Matches("^reading the forwarding sysctl failed: .*/ipv4/conf/gone/forwarding", fault.Message);
    }

    [Fact]
    public void If_the_sysctls_are_hidden()
    {
        _network.MountPins();
        _network.Hide("/proc/sys/net/ipv4");

        var fault = Assert.Throws<LoadBalancerException>(() => _network.Run(() => Forwarding.IsEnabled()));

        Assert.Matches("^reading the forwarding sysctl failed: .*/ipv4/ip_forward", fault.Message);
    }
}
