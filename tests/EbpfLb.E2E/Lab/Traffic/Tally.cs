using System.Globalization;
using EbpfLb.E2E.Lab.Roles;

namespace EbpfLb.E2E.Lab.Traffic;

/// <summary>What became of every request of a load.</summary>
/// <param name="Answers">Those that came on connections of their own.</param>
/// <param name="AnswersOnKeptConnections">How many came on connections that were kept.</param>
/// <param name="Failures">A line for each request that got no answer, or not a backend's whole one.</param>
/// <param name="Lasting">How long the load was on.</param>
public sealed record Tally(
    IReadOnlyList<Answer> Answers, int AnswersOnKeptConnections, IReadOnlyList<string> Failures, TimeSpan Lasting)
{
    /// <summary>What curl is to write after each answer.</summary>
    internal const string Facts =
        Mark + "%{exitcode} %{http_code} %{local_ip} %{local_port} %{url_effective} %{errormsg}\\n";

    const string Mark = "## "; // stands in no answer
    const string OnKept = "on a kept connection";
    const int FactCount = 6;
    const int MostShown = 20;

    /// <summary>How many connections it took at least.</summary>
    public int Connections => Answers.Count + Load.Askers;

    public int Failed => Failures.Count;

    /// <summary>How many failed on connections of their own.</summary>
    public int FailedOnNewConnections => Failures.Count(failure => !failure.Contains(OnKept, StringComparison.Ordinal));

    public int Requests => Answers.Count + AnswersOnKeptConnections + Failed;

    public double RequestsPerSecond => Requests / Lasting.TotalSeconds;

    /// <summary>Every request has got its answer.</summary>
    public void LostNothing() =>
        Assert.True(Failed == 0, $"{this}:\n{string.Join('\n', Failures.Take(MostShown))}");

    /// <summary>The figures.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Requests} requests in {Lasting.TotalSeconds:f1} s ({RequestsPerSecond:f0}/s), {Failed} failed");

    internal static async Task<Tally> ReadAsync(Client client, string place, TimeSpan lasting)
    {
        var (answers, failures) = (new List<Answer>(), new List<string>());
        Sort(await client.ShellAsync("cat \"$1\"/new-*", place), answers, failures);
        var kept = await client.ShellAsync(
            """
            cd "$1"
            for asked in asked-*; do
                [ -e "$asked" ] || break # nobody keeps a connection
                asker=${asked#*-}
                echo "$(wc -l <"$asked") $(grep -c '^HTTP/1.1 200 ' "kept-$asker") $(tr '\n' ' ' <"fault-$asker")"
            done
            """, place);
        var onKept = 0;
        foreach (var line in kept.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var facts = line.Split(' ', 3);
            var (asked, answered) = (Number(facts[0]), Number(facts[1]));
            onKept += answered;
            for (var request = answered + 1; request <= asked; request++)
                failures.Add($"request {request} of {asked} {OnKept}: {facts[2]}");
        }
        return new Tally(answers, onKept, failures, lasting);
    }

    static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    static void Sort(string output, List<Answer> answers, List<string> failures)
    {
        var rest = output.AsSpan();
        while (rest.IndexOf(Mark) is var mark and >= 0)
        {
            var end = mark + rest[mark..].IndexOf('\n');
            var facts = rest[(mark + Mark.Length)..end].ToString().Split(' ', FactCount);
            if (facts is ["0", "200", var address, var port, ..])
                answers.Add(Answer.Parse(rest[..mark].ToString(), Answer.EndPoint(address, port), isNewConnection: true));
            else
                failures.Add($"{facts[4]}: status {facts[1]}, curl's exit code {facts[0]}, {facts[5]}");
            rest = rest[(end + 1)..];
        }
    }
}
