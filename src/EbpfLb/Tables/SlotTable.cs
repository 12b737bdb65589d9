namespace EbpfLb.Tables;

/// <summary>Slot tables for round robin and least connections.</summary>
static class SlotTable
{
    /// <summary>
    /// Interleaves the ids by smooth weighted round robin: each id has as many slots as its weight, divided by the
    /// greatest common divisor of all weights, spread evenly. Weight 0 has none.
    /// </summary>
    public static uint[] Build(IReadOnlyCollection<(uint Id, int Weight)> members)
    {
        var taking = members.Where(member => member.Weight > 0).OrderBy(member => member.Id).ToArray();
        if (taking.Length == 0)
            return [];
        var divisor = taking.Select(member => member.Weight).Aggregate(GreatestCommonDivisor);
        var weights = Array.ConvertAll(taking, member => member.Weight / divisor);
        var total = weights.Sum();
        var groups = taking.Zip(weights, (member, weight) => (member.Id, Weight: weight))
            .GroupBy(member => member.Weight, member => member.Id).Select(ids => new WeightGroup([.. ids], ids.Key, total)).ToArray();
        var slots = new uint[total];
        for (var slot = 0; slot < total; slot++)
        {
            var best = groups[0];
            foreach (var group in groups.AsSpan(1))
            {
                var lead = group.Credit(slot) - best.Credit(slot);
                if (lead > 0 || (lead == 0 && group.Next < best.Next))
                    best = group;
            }
            slots[slot] = best.Take();
        }
        return slots;
    }

    /// <summary>
    /// The ids of one weight, which get slots in their order: an id's credit is its weight for each slot so far, less
    /// all weights for each slot that it has. There are at most 100 weights, so a slot takes no longer with more ids.
    /// </summary>
    sealed class WeightGroup(uint[] ids, int weight, int total)
    {
        int _taken;

        public uint Next => ids[_taken % ids.Length];

        public long Credit(int slot) => ((slot + 1L) * weight) - ((long)total * (_taken / ids.Length));

        public uint Take() => ids[_taken++ % ids.Length];
    }

    static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
