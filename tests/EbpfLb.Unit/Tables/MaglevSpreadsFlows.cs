using System.Net;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Tables;

public sealed class MaglevSpreadsFlows
{
    [Theory]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(100)]
    public void Backends_of_one_weight_get_equal_shares_to_within_a_percent(int backends)
    {
        var slots = MaglevTable.Build(Backends(backends));

        var fair = (double)slots.Length / backends;
        for (uint id = 0; id < backends; id++)
            Assert.InRange(slots.Count(slot => slot == id), fair * 0.99, fair * 1.01);
    }

    [Fact]
    public void Shares_follow_the_weights_to_within_a_percent()
    {
        int[] weights = [1, 3, 10, 100];
        (uint Id, IPEndPoint EndPoint, int Weight)[] members =
            [.. Backends(4).Select(backend => (backend.Id, backend.EndPoint, weights[backend.Id]))];

        var slots = MaglevTable.Build(members);

        foreach (var (id, _, weight) in members)
        {
            var share = (double)slots.Length * weight / weights.Sum();
            Assert.InRange(slots.Count(slot => slot == id), share * 0.99, share * 1.01);
        }
    }

    [Fact]
    public void A_backend_that_leaves_moves_few_slots_of_the_others()
    {
        var before = MaglevTable.Build(Backends(10));
        var after = MaglevTable.Build(Backends(10).Where(backend => backend.Id != 4));

        var others = before.Zip(after).Where(slot => slot.First != 4).ToArray();
        var moved = others.Count(slot => slot.First != slot.Second);
        Assert.InRange((double)moved / others.Length, 0, 0.1);
    }

    [Fact]
    public void Every_balancer_builds_the_same_table_whatever_its_ids_and_their_order()
    {
        var mine = MaglevTable.Build(Backends(5));
        var others = MaglevTable.Build(Backends(5).Reverse().Select(
            backend => (backend.Id + 100, backend.EndPoint, backend.Weight)));

        Assert.Equal(mine, others.Select(id => id - 100));
    }

    [Fact]
    public void Weight_zero_gets_no_slot()
    {
        var slots = MaglevTable.Build(Backends(3).Select(
            backend => (backend.Id, backend.EndPoint, backend.Id == 1 ? 0 : 1)));

        Assert.DoesNotContain(1u, slots);
        Assert.Empty(MaglevTable.Build([]));
    }

    static IEnumerable<(uint Id, IPEndPoint EndPoint, int Weight)> Backends(int count) =>
        Enumerable.Range(0, count).Select(i => ((uint)i, IPEndPoint.Parse($"192.0.2.{i}:80"), 1));
}
