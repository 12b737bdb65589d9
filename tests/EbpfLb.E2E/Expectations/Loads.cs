using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Expectations;

/// <summary>What a load must have seen.</summary>
static class Loads
{
    const int MostShown = 20;

    /// <summary>Requires that every request has got its answer.</summary>
    public static void LostNothing(this Tally tally) =>
        Assert.True(tally.Failed == 0, $"{tally}:\n{string.Join('\n', tally.Failures.Take(MostShown))}");
}
