using System.Globalization;
using System.Text.RegularExpressions;
using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;
using EbpfLb.Lab;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>One run of wrk.</summary>
/// <param name="RequestsPerSecond">That were answered.</param>
/// <param name="Median">Latency, in milliseconds.</param>
/// <param name="Percentile99">Latency, in milliseconds.</param>
/// <param name="Failures">Connections and requests that failed.</param>
sealed partial record Wrk(double RequestsPerSecond, double Median, double Percentile99, long Failures)
{
    /// <summary>Its threads: one for each server, where the client goes straight to them.</summary>
    public const int Threads = 2;

    /// <param name="options">More of wrk's options.</param>
    public static async Task<Wrk> RunAsync(
        LoadClient client, Subject subject, int connections, int seconds, string script = "targets.lua", params string[] options)
    {
        var told = await client.ShellAsync(
            """
            export TARGETS=$1
            url=$2 threads=$3 connections=$4 seconds=$5 script=$6
            shift 6
            wrk --latency --timeout 5s --threads "$threads" --connections "$connections" --duration "${seconds}s" \
                --script "/bench/$script" "$@" "$url" &
            echo "$!" >/run/wrk.pid
            wait "$!"
            """,
            [
                string.Join(' ', subject.Targets.Select(target => target.Address)),
                $"http://{subject.Targets[0].Host}:{Server.Web}/", Threads, connections, seconds, script, .. options,
            ]);
        return Parse(told);
    }

    /// <summary>Ends the run that goes on; it tells what it has done so far.</summary>
    public static Task EndAsync(LoadClient client) => client.ShellAsync("kill -s INT \"$(cat /run/wrk.pid)\"");

    static Wrk Parse(string told) => new(
        Number(Find(Rate(), told).Groups[1].Value),
        Milliseconds(Find(MedianLine(), told)),
        Milliseconds(Find(Percentile99Line(), told)),
        Errors().Matches(told).Sum(match => match.Groups[1].Captures.Sum(capture => (long)Number(capture.Value))));

    static Match Find(Regex line, string told) => line.Match(told) is { Success: true } match
        ? match
        : throw new LabException($"wrk did not tell what was asked: {told}");

    static double Milliseconds(Match latency) => Number(latency.Groups[1].Value) * latency.Groups[2].Value switch
    {
        "us" => 1e-3,
        "ms" => 1,
        "s" => 1e3,
        var unit => throw new LabException($"wrk tells latency in '{unit}'"),
    };

    static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex Rate();

    [GeneratedRegex(@"50%\s+([\d.]+)(\w+)")]
    private static partial Regex MedianLine();

    [GeneratedRegex(@"99%\s+([\d.]+)(\w+)")]
    private static partial Regex Percentile99Line();

    [GeneratedRegex(@"(?:Socket errors|Non-2xx or 3xx responses):(?:\D*?(\d+))+")]
    private static partial Regex Errors();
}
