using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Expectations;

/// <summary>How many of the answers each server gave.</summary>
static class Shares
{
    /// <summary>Chance alone would fail one check in a million and a half.</summary>
    const double StandardDeviations = 5;

    /// <summary>Requires that the servers gave exactly so many answers.</summary>
    public static void AssertExact(IReadOnlyList<Answer> answers, params (Role Server, int Answers)[] expected) =>
        Assert.Equal(
            expected.Select(share => (share.Server.Name, share.Answers)),
            expected.Select(share => (share.Server.Name, CountOf(answers, share.Server))));

    /// <summary>Requires that a server's answers are as many as independent choices of that likelihood would give it.</summary>
    public static void AssertLikely(IReadOnlyList<Answer> answers, Role server, double likelihood)
    {
        var expected = answers.Count * likelihood;
        var bound = StandardDeviations * Math.Sqrt(expected * (1 - likelihood));
        Assert.InRange(CountOf(answers, server), expected - bound, expected + bound);
    }

    static int CountOf(IEnumerable<Answer> answers, Role server) => answers.Count(answer => answer.Server == server.Name);
}
