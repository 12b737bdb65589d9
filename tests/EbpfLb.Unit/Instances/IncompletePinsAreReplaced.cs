using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>A runner may be killed between any two steps: whatever it leaves, the next one stands as it should.</summary>
public sealed class IncompletePinsAreReplaced
{
    static readonly LoadBalancerConfiguration Both = Machine.Configured("xdp-generic");

    [Theory, InlineData(0), InlineData(1), InlineData(12)]
    public void Tables_of_which_only_some_were_pinned_are_begun_anew(int pinned) => OnAMachine(() =>
    {
        Machine.Start(Both).Dispose();
        Unpin([.. Machine.Links(), .. LbTables.Names.Skip(pinned)]);

        AssertStarts(adopting: false);
    });

    [Theory, InlineData("flows"), InlineData("backends"), InlineData("instance")]
    public void Tables_of_which_only_some_were_removed_are_begun_anew(string removed) => OnAMachine(() =>
    {
        Machine.Start(Both).Dispose();
        Unpin([.. Machine.Links(), removed]);

        AssertStarts(adopting: false);
    });

    [Fact]
    public void Tables_that_were_pinned_before_anything_was_attached_are_taken_over() => OnAMachine(() =>
    {
        Machine.Start(Both).Dispose();
        Unpin(Machine.Links());

        AssertStarts(adopting: true);
    });

    [Theory, InlineData("link_tc_eth0:7"), InlineData("link_xdp-generic_eth0:7")]
    public void A_link_that_is_missing_is_made(string missing) => OnAMachine(() =>
    {
        Machine.Start(Both).Dispose();
        Unpin(missing);

        AssertStarts(adopting: true);
    });

    [Theory, InlineData("link_tc_eth0:7"), InlineData("link_xdp-generic_eth0:7")]
    public void A_link_that_was_detached_and_is_pinned_yet_is_made_anew(string dead) => OnAMachine(() =>
    {
        Machine.Start(Both).Dispose();
        using (var link = LinkAttachment.OpenPin(Path.Combine(Machine.Pins, dead)))
            link.Detach();

        AssertStarts(adopting: true);
    });

    [Fact]
    public void Pins_of_a_replaced_interface_are_read_and_not_changed()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() => Machine.Start(Both).Dispose());
        machine.Replug();
        machine.Inside(() =>
        {
            var (before, device) = (Machine.Attached(), NetworkDevice.Find(Machine.Interface));

            Assert.Null(new LinkPins(Machine.Interface, Machine.Interface).TryOpen(HookKind.Tc, device.Index));
            Assert.Null(new LinkPins(Machine.Interface, Machine.Interface).TryOpen(HookKind.XdpGeneric, device.Index));

            Assert.Equal(before, Machine.Attached());
            AssertStarts(adopting: true);
        });
    }

    [Fact]
    public void Services_that_were_half_written_are_written_whole() => OnAMachine(() =>
    {
        using (var former = Machine.Start(Both, _ => { }))
            former.Tables.ServiceLabels.Set(0, LbLabel.From("web"));

        AssertStarts(adopting: true);
        using var tables = LbTables.OpenPins(Machine.Pins);
        Assert.Equal(["web"], KernelState.Read(tables).Services.Values.Select(service => service.Name));
    });

    /// <summary>Requires that the next runner has both programs attached.</summary>
    static void AssertStarts(bool adopting)
    {
        using var attached = Machine.Start(Both);
        Assert.Equal(adopting, attached.IsAdopted);
        Assert.Equal(["link_tc_eth0:7", "link_xdp-generic_eth0:7"], Machine.Links());
        Assert.All(Machine.Links(), name =>
        {
            using var link = LinkAttachment.OpenPin(Path.Combine(Machine.Pins, name));
            Assert.Equal(Machine.Self().Ifindex, (uint)link.Ifindex);
        });
    }

    /// <summary>A link is detached first: the kernel frees it some time after its last pin is gone.</summary>
    static void Unpin(params string[] names)
    {
        foreach (var path in names.Select(name => Path.Combine(Machine.Pins, name)))
        {
            if (Path.GetFileName(path).StartsWith(LinkPins.Prefix, StringComparison.Ordinal))
                LinkAttachment.Unpin(path);
            else
                File.Delete(path);
        }
    }

    static void OnAMachine(Action test)
    {
        Capabilities.RequireDatapath();
        new Machine().Inside(test);
    }
}
