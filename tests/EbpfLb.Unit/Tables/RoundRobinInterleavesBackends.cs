using EbpfLb.Tables;

namespace EbpfLb.Unit.Tables;

public sealed class RoundRobinInterleavesBackends
{
    [Fact]
    public void Backends_of_one_weight_stand_once_each()
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
    public void Turns_of_a_heavy_backend_are_spread_over_the_round()
    {
        var slots = SlotTable.Build([(0, 5), (1, 1), (2, 1)]);

        Assert.Equal([0u, 0u, 1u, 0u, 2u, 0u, 0u], slots);
    }

    [Fact]
    public void What_all_weights_have_in_common_makes_the_table_no_longer()
    {
        Assert.Equal(SlotTable.Build([(0, 1), (1, 2)]), SlotTable.Build([(0, 40), (1, 80)]));
    }

    [Fact]
    public void Weight_zero_takes_no_turn()
    {
        Assert.DoesNotContain(1u, SlotTable.Build([(0, 3), (1, 0), (2, 2)]));
        Assert.Empty(SlotTable.Build([(0, 0)]));
        Assert.Empty(SlotTable.Build([]));
    }
}
