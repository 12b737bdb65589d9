using System.Net;
using EbpfLb.Datapath;
using EbpfLb.Doctor;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Unit.Doctor;

/// <summary>What hinders the load balancer is missing, what limits it is a warning, and both say what to do.</summary>
public sealed class EveryFailedCheckHasARemedy
{
    static readonly NetworkDevice Card = new("eth0", 2, "virtio_net", IsVirtual: false);

    static readonly DeviceFacts Eth0 = new("eth0", Card)
    {
        Flags = InterfaceFlags.Up | InterfaceFlags.Running,
        Addresses = [IPAddress.Parse("172.20.0.2")],
    };

    static readonly HostFacts Healthy = new()
    {
        Capabilities = Capabilities(12, 38, 39),
        Kernel = new(6, 8),
        HasBtf = true,
        HasBpffs = true,
        LibBpf = "1.3",
        LocalPorts = new(61000, 65535),
        Forwards = true,
        Devices = [Eth0],
    };

    [Fact]
    public void A_healthy_machine_has_none()
    {
        var diagnosis = DoctorChecks.Run(Healthy);

        Assert.True(diagnosis.CanRun);
        Assert.All(diagnosis.Findings, finding => Assert.Equal((Verdict.Ok, null), (finding.Verdict, finding.Remedy)));
        Assert.Equal(
            [
                "privileges", "kernel", "libbpf", "bpffs", "BTF", "forwarding", "NAT ports", "eth0",
                "hook tc", "hook xdp-generic", "hook xdp-native",
            ],
            diagnosis.Findings.Select(finding => finding.Subject));
    }

    [Theory]
    [InlineData(new[] { 12, 21 }, null)]
    [InlineData(new[] { 38, 39 }, "no CAP_NET_ADMIN")]
    [InlineData(new[] { 21 }, "no CAP_NET_ADMIN")]
    [InlineData(new[] { 12, 39 }, "no CAP_PERFMON")]
    [InlineData(new[] { 12 }, "no CAP_BPF, CAP_PERFMON")]
    [InlineData(new int[0], "no CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON")]
    public void Capabilities_that_are_absent(int[] held, string? observation)
    {
        var facts = Healthy with { Capabilities = Capabilities(held) };

        if (observation is null)
            Assert.True(DoctorChecks.Run(facts).CanRun);
        else
            AssertMissing(facts, "privileges", observation, "CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON, or CAP_NET_ADMIN and CAP_SYS_ADMIN");
    }

    [Fact]
    public void Privileges_over_a_user_namespace_alone() => AssertMissing(
        Healthy with { IsInUserNamespace = true }, "privileges", "in a user namespace only", "an engine that is not rootless");

    [Theory]
    [InlineData("5.18", "5.18, with clsact filters")]
    [InlineData("6.5", "6.5, with clsact filters")]
    [InlineData("6.6", "6.6, with tcx links")]
    public void A_kernel_that_is_new_enough_has_none(string version, string observation)
    {
        var finding = Find(Healthy with { Kernel = Version.Parse(version) }, "kernel");

        Assert.Equal(Verdict.Ok, finding.Verdict);
        Assert.StartsWith(observation, finding.Observation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_below_the_minimum_that_loads_nothing_is_one_sentence()
    {
        var facts = Healthy with { Kernel = new(5, 10), TcFailure = "the verifier refuses.", XdpFailure = "the verifier refuses." };

        AssertMissing(facts, "kernel", "5.10 is too old", $"boot {KernelNeed.TcCompat.Oldest} or later");
        Assert.DoesNotContain(DoctorChecks.Run(facts).Findings, finding => finding.Observation.Contains("verifier"));
    }

    [Fact]
    public void A_kernel_below_the_minimum_that_loads_the_programs_is_enough()
    {
        var facts = Healthy with { Kernel = new(5, 14) }; // RHEL 9 carries later parts back

        Assert.True(DoctorChecks.Run(facts).CanRun);
        Assert.Equal(
            new("kernel", Verdict.Ok, $"5.14, where the programs load, although it is older than {KernelNeed.TcCompat.Oldest}"),
            Find(facts, "kernel"));
    }

    [Fact]
    public void A_kernel_below_the_minimum_is_not_blamed_for_missing_privileges()
    {
        var facts = Healthy with { Capabilities = 0, Kernel = new(5, 14), TcFailure = "x", XdpFailure = "x" };

        AssertFinding(facts, Verdict.Warn, "kernel", "5.14 may be too old", "run doctor again");
        Assert.Equal(Verdict.Missing, Find(facts, "privileges").Verdict);
    }

    [Fact]
    public void A_kernel_without_types_that_loads_nothing() => AssertMissing(
        Healthy with { HasBtf = false, TcFailure = "the verifier refuses.", XdpFailure = "the verifier refuses." },
        "BTF", "/sys/kernel/btf/vmlinux is missing, and the verifier needs it", "boot a kernel built with CONFIG_DEBUG_INFO_BTF");

    [Fact]
    public void Hidden_btf_costs_only_time_if_the_programs_load()
    {
        var facts = Healthy with { HasBtf = false }; // a container may not see the file

        Assert.True(DoctorChecks.Run(facts).CanRun);
        AssertFinding(facts, Verdict.Warn, "BTF", "the programs load, but tc uses more time per packet", "/sys/kernel/btf");
    }

    [Fact]
    public void Missing_types_are_not_blamed_for_missing_privileges()
    {
        var facts = Healthy with { Capabilities = 0, HasBtf = false, TcFailure = "x", XdpFailure = "x" };

        AssertFinding(facts, Verdict.Warn, "BTF", "/sys/kernel/btf/vmlinux is missing", "run doctor again");
        Assert.Equal(Verdict.Missing, Find(facts, "privileges").Verdict);
    }

    [Theory]
    [InlineData("hook tc", ", takes less time from 6.2; this is 6.8)")]
    [InlineData("hook xdp-generic", "; this is 6.8)")]
    [InlineData("hook xdp-native", "; this is 6.8)")]
    public void Each_hook_says_which_kernel_it_needs_and_which_this_is(string hook, string versions) => Assert.Contains(
        $"the programs load (needs kernel {KernelNeed.TcCompat.Oldest}{versions}", Find(Healthy, hook).Observation,
        StringComparison.Ordinal);

    [Fact]
    public void Libbpf_that_is_not_installed() =>
        AssertMissing(Healthy with { LibBpf = null, TcFailure = "x", XdpFailure = "x" },
            "libbpf", "not installed", "apt-get install libbpf1");

    [Fact]
    public void No_place_for_pins_and_no_right_to_make_one() =>
        AssertMissing(Healthy with { HasBpffs = false }, "bpffs", "needs CAP_SYS_ADMIN", "mount -t bpf bpffs /sys/fs/bpf");

    [Fact]
    public void A_place_for_pins_that_is_read_only() => AssertMissing(
        Healthy with { IsBpffsReadOnly = true }, "bpffs", "mounted read-only on /sys/fs/bpf", "mount -o remount,rw /sys/fs/bpf");

    [Fact]
    public void A_missing_bpf_file_system_that_can_be_mounted_is_no_failure() =>
        Assert.True(DoctorChecks.Run(Healthy with { HasBpffs = false, Capabilities = Capabilities(12, 21) }).CanRun);

    [Fact]
    public void Forwarding_that_is_off_on_the_interface() =>
        AssertWarning(Healthy with { Forwards = false }, "forwarding", "same link", "sysctl -w net.ipv4.conf.eth0.forwarding=1");

    [Fact]
    public void Forwarding_that_is_off_globally() =>
        AssertWarning(Healthy with { Forwards = false, Devices = [] },
            "forwarding", "same link", "sysctl -w net.ipv4.ip_forward=1");

    [Fact]
    public void Forwarding_that_is_off_on_the_first_of_two_interfaces() =>
        AssertWarning(Healthy with { Forwards = false, Devices = [Eth0, Eth0 with { Name = "back" }] },
            "forwarding", "replies by back to clients there are lost", "sysctl -w net.ipv4.conf.eth0.forwarding=1");

    [Theory]
    [InlineData(false, true, "IPv4", "sysctl -w net.ipv4.conf.back.forwarding=1")]
    [InlineData(true, false, "IPv6", "sysctl -w net.ipv6.conf.back.forwarding=1")]
    public void Forwarding_that_is_off_on_the_second(bool ip4, bool ip6, string family, string remedy) =>
        AssertWarning(
            Healthy with { Devices = [Eth0, Eth0 with { Name = "back", Forwards = ip4, ForwardsIpv6 = ip6 }] },
            "back forwarding", $"disabled for {family}: packets from back to another interface are lost", remedy);

    [Fact]
    public void Two_interfaces_that_forward_have_none() => Assert.All(
        DoctorChecks.Run(Healthy with { Devices = [Eth0, Eth0 with { Name = "back", ForwardsIpv6 = true }] }).Findings,
        finding => Assert.Equal(Verdict.Ok, finding.Verdict));

    [Fact]
    public void A_second_interface_that_does_not_exist() =>
        AssertMissing(Healthy with { Devices = [Eth0, new("eth9", null)] },
            "eth9", "no such interface", "'ip link'");

    [Fact]
    public void Disabled_ipv6_forwarding_on_an_interface_with_ipv6() =>
        AssertWarning(Healthy with { Devices = [Eth0 with { ForwardsIpv6 = false }] },
            "IPv6 forwarding", "XDP passes IPv6 to tc", "sysctl -w net.ipv6.conf.eth0.forwarding=1");

    [Fact]
    public void Ipv6_forwarding_that_is_on() => Assert.Equal(
        Verdict.Ok, Find(Healthy with { Devices = [Eth0 with { ForwardsIpv6 = true }] }, "IPv6 forwarding").Verdict);

    [Theory]
    [InlineData(32768, 60999, "1024-32767 beside the local range"), InlineData(1024, 40000, "40001-64511 beside"), InlineData(61000, 65535, "1024-60999 beside")]
    public void A_local_port_range_beside_which_there_are_substitutes(ushort first, ushort last, string observation)
    {
        var found = Find(Healthy with { LocalPorts = new(first, last) }, "NAT ports");

        Assert.Equal(Verdict.Ok, found.Verdict);
        Assert.Contains(observation, found.Observation);
    }

    [Theory]
    [InlineData(1024, 65535), InlineData(10000, 60999)]
    public void A_local_port_range_with_the_substitutes_in_it_that_cannot_be_reserved(ushort first, ushort last)
    {
        AssertWarning(Healthy with { LocalPorts = new(first, last) }, "NAT ports", "cannot be reserved", "ip_local_reserved_ports='1024-17407'");
        Assert.Equal(Verdict.Ok, Find(Healthy with { LocalPorts = new(first, last), CanReservePorts = true }, "NAT ports").Verdict);
    }

    [Fact]
    public void An_interface_that_does_not_exist() =>
        AssertMissing(Healthy with { Devices = [new("eth9", null)] },
            "eth9", "no such interface", "'ip link'");

    [Fact]
    public void An_interface_that_is_down() =>
        AssertMissing(Healthy with { Devices = [Eth0 with { Flags = default }] }, "eth0", "down", "ip link set eth0 up");

    [Fact]
    public void The_loopback() =>
        AssertMissing(Healthy with { Devices = [Eth0 with { Name = "lo", Flags = Eth0.Flags | InterfaceFlags.Loopback }] }, "lo",
            "the loopback, where packets of this machine alone arrive", "name the interface that clients' packets arrive on");

    [Fact]
    public void An_interface_without_a_carrier() =>
        AssertWarning(Healthy with { Devices = [Eth0 with { Flags = InterfaceFlags.Up }] }, "eth0",
            "up without a carrier: no packet arrives", "plug its cable in");

    [Fact]
    public void An_interface_without_address() =>
        AssertMissing(Healthy with { Devices = [Eth0 with { Addresses = [] }] }, "eth0", "no address", "ip address add");

    [Fact]
    public void Native_xdp_on_a_virtual_device() =>
        AssertWarning(Healthy with { Devices = [Eth0 with { Device = Card with { IsVirtual = true } }] }, "hook xdp-native", "virtual devices", "--hook tc");

    [Fact]
    public void Native_xdp_on_a_veth_whose_peer_would_drop_all() =>
        AssertWarning(Healthy with { Devices = [Eth0 with { Device = new("eth0", 2, "veth", IsVirtual: true) { CanTransmitXdp = false } }] },
            "hook xdp-native", "neither an XDP program nor GRO", "ethtool -K PEER gro on");

    [Fact]
    public void Native_xdp_on_a_veth_whose_peer_is_ready() => Assert.Equal(
        Verdict.Ok,
        Find(Healthy with { Devices = [Eth0 with { Device = new("eth0", 2, "veth", IsVirtual: true) }] }, "hook xdp-native").Verdict);

    [Fact]
    public void Native_xdp_without_an_interface() =>
        AssertWarning(Healthy with { Devices = [] },
            "hook xdp-native", "depends on the interface's driver", "--interface NAME");

    [Fact]
    public void Programs_that_do_not_load_say_why()
    {
        var diagnosis = DoctorChecks.Run(Healthy with { TcFailure = "the verifier frowned.", XdpFailure = "the verifier laughed." });

        Assert.False(diagnosis.CanRun);
        Assert.Equal(
            ["the verifier frowned.", "the verifier laughed.", "the verifier laughed."],
            diagnosis.Findings.Where(finding => finding.Verdict == Verdict.Missing).Select(finding => finding.Observation));
    }

    [Fact]
    public void Tc_alone_is_enough_to_run()
    {
        var diagnosis = DoctorChecks.Run(Healthy with { XdpFailure = "no." });

        Assert.True(diagnosis.CanRun);
        Assert.Equal(
            [Verdict.Ok, Verdict.Missing, Verdict.Missing], diagnosis.Findings.TakeLast(3).Select(finding => finding.Verdict));
    }

    static void AssertMissing(HostFacts facts, string subject, string observation, string remedy)
    {
        AssertFinding(facts, Verdict.Missing, subject, observation, remedy);
        Assert.False(DoctorChecks.Run(facts).CanRun);
        Assert.StartsWith("see what is missing above (needs kernel ", Find(facts, "hook tc").Observation, StringComparison.Ordinal);
    }

    static void AssertWarning(HostFacts facts, string subject, string observation, string remedy)
    {
        AssertFinding(facts, Verdict.Warn, subject, observation, remedy);
        Assert.True(DoctorChecks.Run(facts).CanRun);
    }

    static void AssertFinding(HostFacts facts, Verdict verdict, string subject, string observation, string remedy)
    {
        var finding = Find(facts, subject);
        Assert.Equal(verdict, finding.Verdict);
        Assert.Contains(observation, finding.Observation, StringComparison.Ordinal);
        Assert.Contains(remedy, finding.Remedy, StringComparison.Ordinal);
    }

    static CheckResult Find(HostFacts facts, string subject) =>
        DoctorChecks.Run(facts).Findings.Single(finding => finding.Subject == subject);

    static ulong Capabilities(params int[] numbers) => numbers.Aggregate(0UL, (set, number) => set | (1UL << number));
}
