using System.Globalization;
using System.IO.Hashing;
using System.Net;
using System.Runtime.InteropServices;
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

    /// <summary>A table that changed from one build to the next would move flows between balancers of both.</summary>
    [Theory]
    [InlineData("192.0.2.1:80, 192.0.2.2:80, 192.0.2.3:8080", 8328713109269204661ul)]
    [InlineData("[2001:db8::1]:80, [2001:db8::2]:443, 192.0.2.1:80*3", 8661624767347162491ul)]
    public void Every_build_makes_the_same_table(string members, ulong digest)
    {
        var slots = MaglevTable.Build(members.Split(", ").Select((member, id) =>
        {
            var (endPoint, weight) = (member.Split('*')[0], member.Split('*').ElementAtOrDefault(1) ?? "1");
            return ((uint)id, IPEndPoint.Parse(endPoint), int.Parse(weight, CultureInfo.InvariantCulture));
        }));

        Assert.Equal(65537, slots.Length);
        Assert.Equal(digest, XxHash3.HashToUInt64(MemoryMarshal.AsBytes<uint>(slots)));
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
