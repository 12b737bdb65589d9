using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>Where a runner cannot have what it was asked for, what an ended one left goes on as it did.</summary>
public sealed class FailedStartsChangeNothing
{
    const string Plain = "plain";

    [Theory, InlineData("tc"), InlineData("xdp-generic")]
    public void Where_a_second_interface_refuses(string former) => OnAMachine(() =>
    {
        Machine.Start(Machine.Configured(former)).Dispose();
        var before = Everything();
        using var occupier = Occupier.On(Machine.OtherInterface);

        var refusal = Refused(
            Machine.Configured("xdp-generic") with { Interfaces = [Machine.Interface, Machine.OtherInterface] });

        Assert.Contains($"attaching to the XDP hook of {Machine.OtherInterface} failed", refusal, StringComparison.Ordinal);
        Assert.Equal(before, Everything());
    });

    [Theory, InlineData(Machine.Interface, Plain), InlineData(Plain, Machine.Interface)]
    public void Where_a_driver_refuses_another_mode_of_xdp(string first, string second) => OnAMachine(() =>
    {
        var former = Machine.Configured("xdp-generic") with { Interfaces = [first, second] };
        Machine.Start(former).Dispose();
        var (links, written) = (Links(first), WrittenMaps.Read(Instance.Directory(first)));
        using var napi = Occupier.On(Machine.OtherInterface); // what native XDP on its peer sends arrives

        var refusal = Refused(former with { Hook = HookKind.XdpNative });

        Assert.Contains($"attaching to the XDP hook of {Plain} failed", refusal, StringComparison.Ordinal);
        Assert.Equal(links, Links(first));
        Assert.Equal(written, WrittenMaps.Read(Instance.Directory(first)));
    });

    [Fact]
    public void Where_the_programs_do_not_load_though_all_was_to_be_begun_anew() => OnAMachine(() =>
    {
        Machine.Start(Machine.Defaults).Dispose();
        var before = Everything();

        var refusal = Refused(Machine.Defaults with { Replace = true, Flows = 1u << 30 });

        Assert.StartsWith($"loading the eBPF object {KernelNeed.BestTc.Object} failed: ", refusal, StringComparison.Ordinal);
        Assert.EndsWith("the tables for 1073741824 flows need 762880 MiB of memory: set a lower 'flows'.", refusal, StringComparison.Ordinal);
        Assert.Equal(before, Everything());
    });

    [Fact]
    public void Where_what_is_to_go_stands_on_an_interface_that_somebody_else_has() => OnAMachine(() =>
    {
        Machine.Start(Machine.Defaults with { Interfaces = [Machine.Interface, Machine.OtherInterface] }).Dispose();
        var before = Everything();
        using var another = InstanceLock.Acquire([Machine.OtherInterface]);

        var refusal = Refused(Machine.Defaults with { Replace = true });

        Assert.Equal(
            $"another ebpf-lb is running on interface '{Machine.OtherInterface}'. Stop that one first.", refusal);
        Assert.Equal(before, Everything());
    });

    [Fact]
    public void Where_the_tables_cannot_be_filled() => OnAMachine(() =>
    {
        Machine.Start(Machine.Defaults).Dispose();
        var before = Everything();

        Assert.Equal("no room", Refused(Machine.Configured("xdp-generic"), _ => throw new LoadBalancerException("no room")));

        Assert.Equal(before, Everything());
    });

    [Fact]
    public void And_a_first_one_leaves_nothing() => OnAMachine(() =>
    {
        using var occupier = Occupier.On(Machine.OtherInterface);

        Refused(Machine.Configured("xdp-generic") with { Interfaces = [Machine.Interface, Machine.OtherInterface] });

        Assert.Empty(Instance.All());
        Machine.Start(Machine.Configured("xdp-generic")).Detach(); // the hooks of the other one are free
    });

    /// <summary>A start that would serve nobody, if it were not refused: tells why it was.</summary>
    static string Refused(LoadBalancerConfiguration configuration, Action<LbTables>? fill = null) =>
        Assert.ThrowsAny<LoadBalancerException>(() => Machine.Start(
            configuration, fill ?? (tables => new Reconciler(tables).Apply([], [])))).Message;

    static string[] Everything() =>
        [.. Machine.Attached().Select(link => $"{link}"), .. WrittenMaps.Read(Machine.Pins)];

    /// <summary>Of XDP, whose links cannot be put back themselves, only where they stand; of tc also which and what.</summary>
    static (string, uint, uint, uint)[] Links(string instance) =>
    [
        .. Machine.Attached(instance).Select(
            link => link.Name.StartsWith("link_tc", StringComparison.Ordinal) ? link : (link.Name, 0, 0, link.Ifindex)),
    ];

    static void OnAMachine(Action test)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.PlugPlain(Plain);
        machine.Inside(test);
    }

    /// <summary>Somebody else's program on the XDP hook of an interface.</summary>
    sealed class Occupier(LoadedDatapath datapath, LinkAttachment link) : IDisposable
    {
        public static Occupier On(string device)
        {
            var datapath = LoadedDatapath.Load(HookKind.XdpNative, default, new(1024));
            return new(datapath, LinkAttachment.Xdp(datapath.Xdp!, NetworkDevice.Find(device), isNative: true));
        }

        public void Dispose()
        {
            link.Dispose();
            datapath.Dispose();
        }
    }
}
