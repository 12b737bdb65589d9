using CsCheck;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Tables;

public sealed class RoundRobinInterleavesBackends
{
    [Fact]
    public void Backends_of_one_weight_have_one_slot_each()
    {
        var slots = SlotTable.Build([(7, 1), (3, 1), (5, 1)]);

        Assert.Equal([3u, 5u, 7u], slots);
    }

    [Theory]
    [InlineData(1, 2, 3)]
    [InlineData(5, 1, 1)]
    [InlineData(100, 99, 1)]
    [InlineData(40, 60, 100)]
    public void A_round_gives_each_backend_its_exact_share(int first, int second, int third)
    {
        int[] weights = [first, second, third];

        var slots = SlotTable.Build([(0, first), (1, second), (2, third)]);

        for (uint id = 0; id < 3; id++)
            Assert.Equal((long)weights[id] * slots.Length, (long)slots.Count(slot => slot == id) * weights.Sum());
    }

    [Fact]
    public void The_slots_of_a_heavy_backend_are_spread_over_the_table()
    {
        var slots = SlotTable.Build([(0, 5), (1, 1), (2, 1)]);

        Assert.Equal([0u, 0u, 1u, 0u, 2u, 0u, 0u], slots);
    }

    [Fact]
    public void A_common_divisor_of_the_weights_does_not_lengthen_the_table()
    {
        Assert.Equal(SlotTable.Build([(0, 1), (1, 2)]), SlotTable.Build([(0, 40), (1, 80)]));
    }

    [Fact]
    public void Any_weights_give_the_order_of_smooth_weighted_round_robin() => Gen
        .Select(Gen.UInt[0, 50].HashSet[1, 12], Gen.Int[1, 100].Array[12])
        .Sample((ids, weights) =>
        {
            (uint Id, int Weight)[] members = [.. ids.Order().Zip(weights)];
            Assert.Equal(SmoothTurns(members), SlotTable.Build(members));
        }, iter: 300);

    /// <summary>A million slots: a walk over all backends for each of them would take minutes.</summary>
    [Fact]
    public void Thousands_of_weighted_backends_are_interleaved() => Assert.Equal(
        1_010_000, SlotTable.Build([.. Enumerable.Range(0, 20_000).Select(i => ((uint)i, 1 + (i % 100)))]).Length);

    /// <summary>The algorithm by its definition: each slot goes to the id with the greatest credit.</summary>
    static uint[] SmoothTurns((uint Id, int Weight)[] members)
    {
        var divisor = members.Select(member => member.Weight).Aggregate((a, b) => (int)System.Numerics.BigInteger.GreatestCommonDivisor(a, b));
        var total = members.Sum(member => member.Weight) / divisor;
        var credit = new int[members.Length];
        var slots = new uint[total];
        for (var slot = 0; slot < total; slot++)
        {
            for (var i = 0; i < credit.Length; i++)
                credit[i] += members[i].Weight / divisor;
            var best = Array.IndexOf(credit, credit.Max());
            credit[best] -= total;
            slots[slot] = members[best].Id;
        }
        return slots;
    }

    [Fact]
    public void Weight_zero_has_no_slot()
    {
        Assert.DoesNotContain(1u, SlotTable.Build([(0, 3), (1, 0), (2, 2)]));
        Assert.Empty(SlotTable.Build([(0, 0)]));
        Assert.Empty(SlotTable.Build([]));
    }
}
