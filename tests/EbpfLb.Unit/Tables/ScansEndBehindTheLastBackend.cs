using EbpfLb.Abi;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Tables;

/// <summary>A scan of the backends costs by the backends that there are, not by the size of the map.</summary>
public sealed class ScansEndBehindTheLastBackend
{
    static readonly LbBackend Backend = new() { Address = LbAddress.From(Hosts.Ip4.BackendA) };

    [Fact]
    public void A_scan_visits_the_entries_up_to_the_highest_id_in_use()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var backends = Open(lb);
        backends.Set(2, Backend);
        backends.Set(0, Backend);

        Assert.Equal([0u, 1u, 2u], IdsIn(backends));
    }

    [Fact]
    public void A_scan_may_take_more_than_one_batch()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var backends = Open(lb);
        backends.Set(1500, Backend);

        Assert.Equal(Enumerable.Range(0, 1501).Select(id => (uint)id), IdsIn(backends));
    }

    [Fact]
    public void A_table_without_backends_has_nothing_to_visit()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);

        Assert.Empty(IdsIn(Open(lb)));
    }

    [Fact]
    public void The_backends_of_a_former_process_are_visited()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        Open(lb).Set(3, Backend);

        Assert.Equal([0u, 1u, 2u, 3u], IdsIn(Open(lb)));
    }

    [Fact]
    public void A_backend_behind_those_of_the_first_scan_is_visited()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var backends = Open(lb);
        backends.Set(0, Backend);
        Assert.Equal([0u], IdsIn(backends));

        backends.Set(1, Backend);

        Assert.Equal([0u, 1u], IdsIn(backends));
    }

    /// <summary>The balancer's map, as a process opens it.</summary>
    static BackendTable Open(Balancer lb) => new(lb.Tables.Backends.Fd, "backends");

    static List<uint> IdsIn(BackendTable backends)
    {
        var ids = new List<uint>();
        backends.ForEach((in id, in _) => ids.Add(id));
        return ids;
    }
}
