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
        var credit = new int[taking.Length];
        var slots = new uint[total];
        for (var slot = 0; slot < total; slot++)
        {
            var best = 0;
            for (var i = 0; i < credit.Length; i++)
            {
                credit[i] += weights[i];
                if (credit[i] > credit[best])
                    best = i;
            }
            credit[best] -= total;
            slots[slot] = taking[best].Id;
        }
        return slots;
    }

    static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
