using System.Net;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Expectations;

/// <summary>The backends' own word on who answered what.</summary>
static class AccessLogs
{
    static readonly TimeSpan LongestWriting = TimeSpan.FromSeconds(20);

    /// <summary>Requires that the backends saw the requests come from the client itself.</summary>
    public static async Task AssertNameTheClientAsync(IEnumerable<Answer> answers, params Backend[] backends)
    {
        foreach (var answer in answers)
        {
            string[] names = [$"{answer.Client.Address}", $"{answer.Client.Address}:{answer.Client.Port}"];
            await AssertNameAsync($"{answer.Client}", names.Contains, answer, backends);
        }
    }

    /// <summary>Requires that the backends saw the requests come from this address, whatever the port.</summary>
    public static async Task AssertNameAsync(IPAddress address, IEnumerable<Answer> answers, params Backend[] backends)
    {
        foreach (var answer in answers)
            await AssertNameAsync($"{address}", name => name == $"{address}" || name.StartsWith($"{address}:", StringComparison.Ordinal),
                answer, backends);
    }

    static async Task AssertNameAsync(string who, Func<string, bool> isName, Answer answer, Backend[] backends)
    {
        var backend = backends.Single(known => known.Name == answer.Server);
        await Eventually.That($"{backend.Name} has logged that {who} asked",
            () => backend.AskersAsync(answer.Uri),
            askers => askers is [var asker] && isName(asker),
            LongestWriting, askers => string.Join(", ", askers));
    }

    /// <summary>Requires that each answer's path stands once in the log of the backend it names only.</summary>
    public static async Task AssertTellTheSameAsync(IReadOnlyCollection<Answer> answers, params Backend[] backends)
    {
        var asked = answers.Select(answer => answer.Uri).ToHashSet();
        Assert.Equal(answers.Count, asked.Count);
        foreach (var backend in backends)
        {
            var answered = answers.Where(answer => answer.Server == backend.Name)
                .Select(answer => answer.Uri).Order().ToList();
            await Eventually.That($"{backend.Name} has logged the {answered.Count} requests that it answered, no more",
                async () => (await backend.RequestsAsync()).Where(asked.Contains).Order().ToList(),
                logged => logged.SequenceEqual(answered), LongestWriting, logged => $"{logged.Count} requests");
        }
    }
}
