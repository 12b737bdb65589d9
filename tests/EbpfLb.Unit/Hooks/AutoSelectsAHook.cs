using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Unit.Hooks;

public sealed class AutoSelectsAHook
{
    static readonly NetworkDevice Veth = new("eth0", 2, "veth", IsVirtual: true);
    static readonly NetworkDevice Nic = new("enp1s0", 3, "ixgbe", IsVirtual: false);

    const string VerifiersLog =
        """
        libbpf: prog 'lb_xdp': -- BEGIN PROG LOAD LOG --
        5378: (85) call bpf_map_lookup_elem#1
        R2 type=mem expected=fp, pkt, pkt_meta, map_key, map_value
        processed 4112 insns (limit 1000000) max_states_per_insn 3 total_states 310 peak_states 310 mark_read 42
        -- END PROG LOAD LOG --
        """;

    [Fact]
    public void A_virtual_device_gets_tc_with_the_reason()
    {
        var choice = HookChoice.Select(HookKind.Auto, Veth);

        Assert.Equal(HookKind.Tc, choice.Hook);
        Assert.Contains("eth0 is a virtual device", choice.Reason);
        Assert.Null(choice.Fallback);
    }

    [Fact]
    public void An_interface_without_ethernet_gets_tc_with_the_reason()
    {
        var choice = HookChoice.Select(HookKind.Auto, Nic, Nic with { Name = "wg0", IsEthernet = false });

        Assert.Equal(HookKind.Tc, choice.Hook);
        Assert.Contains("packets of wg0 have no Ethernet header", choice.Reason);
        Assert.Null(choice.Fallback);
    }

    [Theory]
    [InlineData("xdp-native"), InlineData("xdp-generic")]
    public void Xdp_refuses_an_interface_without_ethernet(string hook)
    {
        var error = Assert.Throws<LoadBalancerException>(
            () => HookChoice.Select(hook == "xdp-native" ? HookKind.XdpNative : HookKind.XdpGeneric, Nic, Nic with { Name = "wg0", IsEthernet = false }));

        Assert.Equal("XDP needs Ethernet frames, and packets of wg0 have no Ethernet header. Use --hook tc.", error.Message);
    }

    [Fact]
    public void Hardware_gets_native_xdp_or_tc_if_its_driver_refuses()
    {
        var choice = HookChoice.Select(HookKind.Auto, Nic);

        Assert.Equal(HookKind.XdpNative, choice.Hook);
        Assert.Equal(HookKind.Tc, choice.Fallback?.Hook);
        Assert.Contains("ixgbe", choice.Fallback?.Reason);
    }

    [Fact]
    public void Of_several_interfaces_one_virtual_device_decides_for_tc()
    {
        var choice = HookChoice.Select(HookKind.Auto, Nic, Veth);

        Assert.Equal(HookKind.Tc, choice.Hook);
        Assert.Contains("eth0 is a virtual device", choice.Reason);
    }

    [Fact]
    public void Several_of_hardware_get_native_xdp_together_or_tc()
    {
        var choice = HookChoice.Select(HookKind.Auto, Nic, Nic with { Name = "enp2s0", Driver = "mlx5_core" });

        Assert.Equal(HookKind.XdpNative, choice.Hook);
        Assert.Contains("ixgbe, mlx5_core, the driver of enp1s0, enp2s0", choice.Reason);
        Assert.Equal(HookKind.Tc, choice.Fallback?.Hook);
    }

    [Theory]
    [InlineData((int)HookKind.Tc)]
    [InlineData((int)HookKind.XdpGeneric)]
    [InlineData((int)HookKind.XdpNative)]
    public void A_configured_hook_is_taken_or_none(int hook)
    {
        var choice = HookChoice.Select((HookKind)hook, Veth);

        Assert.Equal((HookKind)hook, choice.Hook);
        Assert.Null(choice.Fallback);
    }

    [Fact]
    public void Native_xdp_on_a_veth_whose_peer_drops_is_refused_with_a_remedy()
    {
        var fault = Assert.Throws<LoadBalancerException>(
            () => HookChoice.Select(HookKind.XdpNative, Veth with { CanTransmitXdp = false }));

        Assert.Contains("eth0", fault.Message);
        Assert.Contains("ethtool -K", fault.Message);
        Assert.Contains("--hook tc", fault.Message);
    }

    [Fact]
    public void It_is_refused_for_a_second_interface_too()
    {
        var fault = Assert.Throws<LoadBalancerException>(
            () => HookChoice.Select(HookKind.XdpNative, Nic, Veth with { CanTransmitXdp = false }));

        Assert.Contains("eth0", fault.Message);
    }

    [Fact]
    public void Native_xdp_is_attached_as_configured_if_the_peer_is_unknown()
    {
        var choice = HookChoice.Select(HookKind.XdpNative, Veth with { CanTransmitXdp = null });

        Assert.Equal(HookKind.XdpNative, choice.Hook);
    }

    [Theory]
    [InlineData(Errno.EOPNOTSUPP, true)]
    [InlineData(Errno.EINVAL, true)]
    [InlineData(Errno.EBUSY, true)]
    [InlineData(Errno.EPERM, false)]
    [InlineData(Errno.EACCES, false)]
    public void A_missing_privilege_is_no_refusal_of_the_hook(int errno, bool refusal)
    {
        Assert.Equal(refusal, AttachTransaction.IsRefusal(new NativeException("attaching", errno)));
    }

    [Fact]
    public void Native_xdp_that_the_verifier_refuses_falls_back_to_tc_and_says_why()
    {
        var refused = new LoadException("lb_xdp", Errno.EACCES, VerifiersLog);

        var taken = HookChoice.Select(HookKind.Auto, Nic).Try(choice => choice.Hook == HookKind.XdpNative ? throw refused : choice);

        Assert.Equal(HookKind.Tc, taken.Hook);
        Assert.Equal("native XDP on enp1s0, whose driver is ixgbe, was refused: the verifier refuses lb_xdp", taken.Reason);
        Assert.Same(refused, taken.Refusal);
        Assert.Contains("R2 type=mem", refused.Message);
    }

    [Fact]
    public void Native_xdp_that_the_driver_refuses_falls_back_to_tc_and_names_the_error()
    {
        var taken = HookChoice.Select(HookKind.Auto, Nic).Try(
            choice => choice.Hook == HookKind.XdpNative ? throw new NativeException("attaching", Errno.EOPNOTSUPP) : choice);

        Assert.Equal((HookKind.Tc, "native XDP on enp1s0, whose driver is ixgbe, was refused: EOPNOTSUPP"), (taken.Hook, taken.Reason));
    }

    [Theory]
    [InlineData((int)HookKind.Auto, Errno.EPERM, 1)]
    [InlineData((int)HookKind.XdpNative, Errno.EACCES, 1)]
    [InlineData((int)HookKind.Auto, Errno.EACCES, 2)]
    public void A_load_failure_of_every_hook_is_an_error(int hook, int errno, int attempts)
    {
        var tried = new List<HookKind>();

        Assert.Throws<LoadException>(() => HookChoice.Select((HookKind)hook, Nic).Try<HookChoice>(choice =>
        {
            tried.Add(choice.Hook);
            throw new LoadException("lb_tc", errno, VerifiersLog);
        }));

        Assert.Equal(attempts, tried.Count);
    }

    [Theory, InlineData("", true), InlineData("N/A", true), InlineData("tap", true), InlineData("0000:00:1f.6", false), InlineData("virtio0", false)]
    public void A_driver_that_names_no_bus_has_no_hardware(string bus, bool isVirtual) =>
        Assert.Equal(isVirtual, NetworkDevice.IsVirtualBus(bus));

    [Fact]
    public void The_loopback_is_refused()
    {
        var fault = Assert.Throws<LoadBalancerException>(() => NetworkDevice.Find("lo"));

        Assert.Equal("'lo' is the loopback, where packets of this machine alone arrive. "
            + "Name the interface that packets of other machines arrive on.", fault.Message);
    }

    [Fact]
    public void An_unknown_interface_is_an_error_that_lists_the_known_ones()
    {
        var fault = Assert.Throws<LoadBalancerException>(() => NetworkDevice.Find("nosuch0"));

        Assert.Contains("'nosuch0'", fault.Message);
        Assert.Contains("lo", fault.Message);
    }
}
