using System.Net;
using EbpfLb.Doctor;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Doctor;

public sealed class HostFactsAreReadFromTheKernel
{
    [Fact]
    public void Capabilities_from_the_status_of_the_process()
    {
        var set = HostProbe.EffectiveCapabilities(["Name:\tebpf-lb", "CapPrm:\t000001ffffffffff", "CapEff:\t000000c000001000"]);

        Assert.Equal((1UL << 12) | (1UL << 38) | (1UL << 39), set);
    }

    [Theory]
    [InlineData("         0          0 4294967295\n", false)]
    [InlineData("         0       1000          1\n         1     100000      65536\n", true)]
    public void Whether_it_is_in_a_user_namespace(string idMap, bool expected) => Assert.Equal(expected, HostProbe.IsPartial(idMap));

    [Theory]
    [InlineData("6.1.0-18-amd64\n", "6.1")]
    [InlineData("6.12-rc1\n", "6.12")]
    [InlineData("5.15.167.4-microsoft-standard-WSL2\n", "5.15")]
    [InlineData("6.18+\n", "6.18")]
    public void The_kernels_version_from_its_release(string release, string version) =>
        Assert.Equal(Version.Parse(version), HostProbe.KernelVersion(release));

    [Theory]
    [InlineData("0", false)]
    [InlineData("1", true)]
    public void Whether_ipv6_is_forwarded_on_an_interface_that_has_it(string setting, bool forwards)
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.Configure("link add name eth0 type veth peer name end", "address add fd00::1/64 dev eth0", "link set dev eth0 up");

        var facts = network.Run(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv6/conf/eth0/forwarding", setting);
            return HostProbe.Collect("eth0");
        });

        Assert.Equal([IPAddress.Parse("fd00::1")], facts.Devices[0].Addresses);
        Assert.Equal(forwards, facts.Devices[0].ForwardsIpv6);
    }

    [Fact]
    public void Whether_the_file_system_of_pins_is_read_only()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        var before = machine.Inside(() => HostProbe.Collect().IsBpffsReadOnly);

        machine.ForbidToWrite("/sys/fs/bpf");

        Assert.Equal((false, true), (before, machine.Inside(() => HostProbe.Collect().IsBpffsReadOnly)));
    }

    [Fact]
    public void Each_of_several_interfaces()
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.Configure("link add name eth0.7 type veth peer name back", "address add 192.0.2.1/24 dev back");

        var facts = network.Run(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/conf/eth0.7/forwarding", "1");
            File.WriteAllText("/proc/sys/net/ipv4/conf/back/forwarding", "0");
            return HostProbe.Collect("eth0.7", "back");
        });

        Assert.True(facts.Forwards);
        Assert.Equal([("eth0.7", true), ("back", false)], facts.Devices.Select(device => (device.Name, device.Forwards)));
        Assert.Equal([IPAddress.Parse("192.0.2.1")], facts.Devices[1].Addresses);
    }

    [Fact]
    public void The_driver_is_of_this_network_namespaces_interface()
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        var hardware = new DirectoryInfo("/sys/class/net").GetFileSystemInfos()
            .Select(device => device.Name).FirstOrDefault(name => Directory.Exists($"/sys/class/net/{name}/device"), "eth0");
        network.Configure($"link add name {hardware} type veth peer name end");

        var device = network.Run(() => HostProbe.Collect(hardware)).Devices[0].Device!;
        Assert.Equal(("veth", true), (device.Driver, device.IsVirtual));
    }

    [Fact]
    public void This_machines_own_facts_and_no_exception()
    {
        var facts = HostProbe.Collect("lo");

        Assert.InRange(facts.Kernel, new Version(4, 0), new Version(99, 0));
        var loopback = Assert.Single(facts.Devices);
        Assert.Equal(InterfaceFlags.Up | InterfaceFlags.Loopback, loopback.Flags & (InterfaceFlags.Up | InterfaceFlags.Loopback));
        Assert.Equal([IPAddress.Loopback], loopback.Addresses);
        Assert.True(loopback.Device!.IsVirtual);
        Assert.Null(loopback.ForwardsIpv6);
        Assert.InRange(facts.LocalPorts.First, 1, facts.LocalPorts.Last);
        Assert.Null(HostProbe.Collect("no-such-device").Devices[0].Device);
    }
}
