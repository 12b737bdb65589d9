using System.Globalization;
using System.Text.RegularExpressions;
using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;
using EbpfLb.Lab;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>As many DNS questions as are answered over UDP: each is one packet there and one back.</summary>
sealed partial class UdpAnswers : Trial
{
    const int Sockets = 8, Outstanding = 32, PacketsOfAnAnswer = 2;

    public static readonly Measure Rate = new("UDP packets, there and back", "packets/s", true);

    public override IReadOnlyList<Measure> Measures { get; } = [Rate];

    public override string Description =>
        $"two dnsperf, each with {Sockets} sockets and {Outstanding} questions under way, ask NSD; each answered question counts " +
        "as two packets, and one that is not answered within a second has failed";

    public override bool Fits(Subject subject) => subject.CarriesUdp;

    public override async Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds)
    {
        var told = await client.ShellAsync(
            """
            ask() { dnsperf -s "$1" -d /bench/questions -l "$2" -c "$3" -q "$4" -t 1; }
            ask "$1" "$3" "$4" "$5" & ask "$2" "$3" "$4" "$5" || exit
            wait "$!"
            """, subject.Targets[0].Address, subject.Targets[^1].Address, seconds, Sockets, Outstanding);
        var (rates, lost) = (Rates().Matches(told), Lost().Matches(told));
        return rates.Count == 2 && lost.Count == 2
            ? new Outcome((long)lost.Sum(Number), PacketsOfAnAnswer * rates.Sum(Number))
            : throw new LabException($"dnsperf did not tell what was asked: {told}");
    }

    static double Number(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Queries per second:\s+([\d.]+)")]
    private static partial Regex Rates();

    [GeneratedRegex(@"Queries lost:\s+(\d+)")]
    private static partial Regex Lost();
}
