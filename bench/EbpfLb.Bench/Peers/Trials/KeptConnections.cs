using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>As many requests as are answered on connections that are kept.</summary>
sealed class KeptConnections : Trial
{
    const int Connections = 64;

    public static readonly Measure Rate = new("Requests, keep-alive", "requests/s", true);
    public static readonly Measure Median = new("Latency, keep-alive, median", "ms", false);
    public static readonly Measure Percentile99 = new("Latency, keep-alive, 99th percentile", "ms", false);

    public override IReadOnlyList<Measure> Measures { get; } = [Rate, Median, Percentile99];

    public override string Description =>
        $"wrk with {Wrk.Threads} threads and {Connections} connections, each of which asks again as soon as it is answered";

    public override async Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds)
    {
        var run = await Wrk.RunAsync(client, subject, Connections, seconds);
        return new Outcome(run.Failures, run.RequestsPerSecond, run.Median, run.Percentile99);
    }
}
