using System.Globalization;
using System.Text.RegularExpressions;
using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;
using EbpfLb.Lab;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>
/// What the whole machine, client and servers included, takes of its processors for a request, under a load that is the
/// same for all and leaves it idle time: what is more than direct's is the balancer's.
/// </summary>
sealed partial class ProcessorTime : Trial
{
    const int ConnectionsOfEach = 16, RequestsOfAConnection = 200; // a second
    const double TicksPerSecond = 100; // Linux, USER_HZ: the same on every machine
    const double Micro = 1e6, Nano = 1e9;

    public static readonly Measure OfMachine = new("Processor time per request, whole machine", "µs", false);

    public override IReadOnlyList<Measure> Measures { get; } = [OfMachine];

    public override string Description =>
        $"two h2load with {ConnectionsOfEach} keep-alive connections each, at {2 * ConnectionsOfEach * RequestsOfAConnection} " +
        "requests/s in all; the time by the clock times the number of processors, less what these were idle (/proc/stat), for " +
        "each request";

    public override async Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds)
    {
        var told = await client.ShellAsync(
            """
            ask() { h2load --h1 -t 1 -c "$2" --rps "$3" -D "$4" "http://$1/"; }
            look() { awk '/^cpu / { print "idle", $5 + $6 + $9 } /^cpu[0-9]/ { print "processor" }' /proc/stat; date '+now %s%N'; }
            look
            ask "$1" "$3" "$4" "$5" & ask "$2" "$3" "$4" "$5" || exit
            wait "$!" || exit
            look
            """, $"{subject.Targets[0].Host}:{Server.Web}", $"{subject.Targets[^1].Host}:{Server.Web}",
            ConnectionsOfEach, RequestsOfAConnection, seconds);
        var processors = Processors().Count(told) / 2;
        var elapsed = Growth(Now(), told) / Nano;
        var idle = Growth(Idle(), told) / TicksPerSecond;
        var requests = Requests().Matches(told);
        return requests.Count == 2
            ? new Outcome((long)requests.Sum(match => Number(match, 2) + Number(match, 3) + Number(match, 4)),
                Micro * (processors * elapsed - idle) / requests.Sum(match => Number(match, 1)))
            : throw new LabException($"h2load did not tell what was asked: {told}");
    }

    static double Growth(Regex line, string told) => line.Matches(told) is [var before, var after]
        ? Number(after, 1) - Number(before, 1)
        : throw new LabException($"the machine did not tell how idle it was: {told}");

    static double Number(Match match, int group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex("^processor$", RegexOptions.Multiline)]
    private static partial Regex Processors();

    [GeneratedRegex(@"^idle (\d+)$", RegexOptions.Multiline)]
    private static partial Regex Idle();

    [GeneratedRegex(@"^now (\d+)$", RegexOptions.Multiline)]
    private static partial Regex Now();

    [GeneratedRegex(@"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")]
    private static partial Regex Requests();
}
