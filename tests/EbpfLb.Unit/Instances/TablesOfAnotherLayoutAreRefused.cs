using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>Tables that this build would misread are not taken over: a sentence says what differs, and they go on.</summary>
public sealed class TablesOfAnotherLayoutAreRefused
{
    const string Remedy = "Run that build, or run it with --replace to start anew, which breaks its connections.";

    [Fact]
    public void Of_another_version() => Refused(
        $"the tables attached to {Machine.Interface} are of another build (they are of ABI version 99, "
        + $"this build's of {Limits.AbiVersion}): their connections cannot be taken over. {Remedy}",
        tables => tables.Instance.Set(0, Machine.Self() with { AbiVersion = 99 }));

    [Fact]
    public void Of_the_same_version_with_another_type_in_them() => Refused(
        $"the tables attached to {Machine.Interface} are of another build (a type in them differs): "
        + $"their connections cannot be taken over. {Remedy}",
        tables => tables.Instance.Set(0, Machine.Self() with { Layout = 1 }));

    [Theory, InlineData("flows"), InlineData("fragments"), InlineData("backend_labels")]
    public void Of_a_build_that_does_without_one(string map) => Refused(
        $"the tables attached to {Machine.Interface} are of another build (map {map} is not among them): "
        + $"their connections cannot be taken over. {Remedy}",
        tables =>
        {
            tables.Instance.Set(0, Machine.Self() with { Layout = 1 });
            File.Delete(Path.Combine(Machine.Pins, map));
        });

    [Fact]
    public unsafe void Of_another_size() => Refused(
        $"the tables attached to {Machine.Interface} are of another build (map active_flows is of type 2 with "
        + $"12 entries of 4 and 16 bytes there and of type 2 with {Machine.Defaults.MaxBackends} entries of 4 and 8 bytes here): "
        + $"their connections cannot be taken over. {Remedy}",
        _ =>
        {
            var path = Path.Combine(Machine.Pins, "active_flows");
            File.Delete(path);
            using var other = new Fd(LibBpf.bpf_map_create(MapTypes.Array, "active_flows", sizeof(uint), 16, 12, null));
            other.Pin(path);
        });

    [Fact]
    public void With_room_for_another_number_of_flows() => Refused(
        $"the tables attached to {Machine.Interface} have room for 2048 flows, and 1024 are configured: a table in use "
        + "cannot be resized. Configure 2048 (--flows, or flows: in the file), or run it with --replace to start anew, which "
        + "breaks its connections.",
        _ => { }, flows: "2048");

    [Fact]
    public void Of_an_instance_that_was_named_after_another_interface()
    {
        Capabilities.RequireDatapath();
        new Machine().Inside(() =>
        {
            Machine.Start(Machine.Defaults with { Interfaces = [Machine.OtherInterface, Machine.Interface] }).Dispose();

            var refusal = Assert.Throws<LoadBalancerException>(() => Machine.Start(Machine.Defaults));

            Assert.Equal(
                $"an ended ebpf-lb whose first interface is {Machine.OtherInterface} is attached to these interfaces: its connections "
                + $"cannot be taken over while {Machine.Interface} is the first. Name {Machine.OtherInterface} first, or run "
                + "it with --replace to start anew, which breaks its connections.", refusal.Message);
        });
    }

    static void Refused(string sentence, Action<LbTables> change, string flows = "1024")
    {
        Capabilities.RequireDatapath();
        new Machine().Inside(() =>
        {
            using (var former = Machine.Start(Machine.Configured("tc", flows)))
                change(former.Tables);

            var refusal = Assert.Throws<LoadBalancerException>(() => Machine.Start(Machine.Defaults));

            Assert.Equal(sentence, refusal.Message);
            Assert.Equal(["link_tc_eth0:7"], Machine.Links());
        });
    }
}
