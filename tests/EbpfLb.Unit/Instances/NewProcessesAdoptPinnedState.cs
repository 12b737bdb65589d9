using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>What an ended runner left attached goes on under the next one, in the same tables and on the same links.</summary>
public sealed class NewProcessesAdoptPinnedState
{
    [Theory]
    [InlineData("tc", new[] { "link_tc_eth0:7" })]
    [InlineData("xdp-generic", new[] { "link_tc_eth0:7", "link_xdp-generic_eth0:7" })]
    public void Another_program_stands_behind_the_same_links(string hook, string[] links) => OnAMachine(() =>
    {
        Machine.Start(Machine.Configured(hook)).Dispose();
        var former = Machine.Attached();

        using var attached = Machine.Start(Machine.Configured(hook));

        var now = Machine.Attached();
        Assert.True(attached.IsAdopted);
        Assert.Equal(links, Machine.Links());
        Assert.Equal(former.Select(link => (link.Name, link.Id)), now.Select(link => (link.Name, link.Id)));
        Assert.All(former.Zip(now), pair => Assert.NotEqual(pair.First.Program, pair.Second.Program));
    });

    [Fact]
    public void Turns_and_counts_go_on() => OnAMachine(() =>
    {
        using (var former = Machine.Start(Machine.Defaults))
        {
            former.Tables.RoundRobinCounters.Set(0, 7);
            former.Tables.ActiveFlows.Set(1, 3);
        }

        using var attached = Machine.Start(Machine.Defaults);

        Assert.True(attached.Tables.RoundRobinCounters.TryGet(0, out var turn));
        Assert.True(attached.Tables.ActiveFlows.TryGet(1, out var live));
        Assert.Equal((7ul, 3), (turn, live));
    });

    [Fact]
    public void It_says_who_it_is_and_keeps_when_it_all_began() => OnAMachine(() =>
    {
        using (var former = Machine.Start(Machine.Defaults))
            former.Tables.Instance.Set(0, Machine.Self() with { Pid = 1 });
        var before = Machine.Self();

        Machine.Start(Machine.Configured("xdp-generic")).Dispose();

        var now = Machine.Self();
        Assert.Equal(((uint)Environment.ProcessId, before.AttachedNs), (now.Pid, now.AttachedNs));
        Assert.Equal(HookKind.XdpGeneric, (HookKind)now.Hook);
    });

    [Fact]
    public void The_hook_may_change_both_ways() => OnAMachine(() =>
    {
        Machine.Start(Machine.Defaults).Dispose();

        Machine.Start(Machine.Configured("xdp-generic")).Dispose();
        Assert.Equal(["link_tc_eth0:7", "link_xdp-generic_eth0:7"], Machine.Links());

        Machine.Start(Machine.Defaults).Dispose();
        Assert.Equal(["link_tc_eth0:7"], Machine.Links());

        Machine.Start(Machine.Configured("xdp-generic")).Dispose();
        Assert.Equal(["link_tc_eth0:7", "link_xdp-generic_eth0:7"], Machine.Links());
    });

    [Fact]
    public void Interfaces_may_be_added_and_left() => OnAMachine(() =>
    {
        var both = Machine.Configured("xdp-generic") with { Interfaces = [Machine.Interface, Machine.OtherInterface] };
        Machine.Start(Machine.Defaults).Dispose();

        Machine.Start(both).Dispose();
        Assert.Equal(
            ["link_tc_back", "link_tc_eth0:7", "link_xdp-generic_back", "link_xdp-generic_eth0:7"], Machine.Links());
        Assert.Equal(2, Instance.InterfacesOf(Machine.Interface).Count);

        Machine.Start(Machine.Defaults).Dispose();
        Assert.Equal(["link_tc_eth0:7"], Machine.Links());
        Assert.Equal([Machine.Interface], Instance.InterfacesOf(Machine.Interface).Values);
    });

    [Fact]
    public void An_interface_that_was_replaced_meanwhile_is_attached_to_anew()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() => Machine.Start(Machine.Configured("xdp-generic")).Dispose());
        machine.Replug();
        machine.Inside(() =>
        {
            using var attached = Machine.Start(Machine.Configured("xdp-generic"));

            Assert.True(attached.IsAdopted);
            var now = Machine.Attached();
            Assert.Equal(["link_tc_eth0:7", "link_xdp-generic_eth0:7"], now.Select(link => link.Name));
            Assert.All(now, link => Assert.Equal(Machine.Self().Ifindex, link.Ifindex));
            Assert.Equal([Machine.Self().Ifindex], Instance.InterfacesOf(Machine.Interface).Keys);
        });
    }

    [Fact]
    public void A_first_start_that_fails_leaves_nothing() => OnAMachine(() =>
    {
        Assert.Throws<LoadBalancerException>(() => Machine.Start(
            Machine.Defaults, _ => throw new LoadBalancerException("no room")));

        Assert.Empty(Instance.All());
    });

    [Fact]
    public void Asked_to_end_it_leaves_nothing_either() => OnAMachine(() =>
    {
        Machine.Start(Machine.Configured("xdp-generic")).Dispose();

        using (var attached = Machine.Start(Machine.Configured("xdp-generic")))
            attached.Detach();

        Assert.Empty(Instance.All());
        Assert.Empty(Directory.GetDirectories(BpfFs.Root));
        Machine.Start(Machine.Configured("xdp-generic")).Detach(); // the hooks are free
    });

    static void OnAMachine(Action test)
    {
        Capabilities.RequireDatapath();
        new Machine().Inside(test);
    }
}
