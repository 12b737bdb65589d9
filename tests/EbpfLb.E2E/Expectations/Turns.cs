using EbpfLb.Lab.Roles;

namespace EbpfLb.E2E.Expectations;

/// <summary>Whose turn it was.</summary>
static class Turns
{
    /// <summary>Requires that the servers answered in turn: whole rounds, all in the order of the first.</summary>
    public static void AssertExact(IEnumerable<string> answered, params Role[] servers)
    {
        var turns = answered.ToList();
        var round = turns.Take(servers.Length).ToList();
        Assert.Equal(servers.Select(server => server.Name).Order(), round.Order());
        Assert.Equal(0, turns.Count % round.Count);
        var expected = Enumerable.Repeat(round, turns.Count / round.Count).SelectMany(turn => turn);
        Assert.Equal(InWords(expected), InWords(turns));
    }

    static string InWords(IEnumerable<string> turns) => string.Join(", ", turns);
}
