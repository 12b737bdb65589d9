using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>As many requests as are answered, each on a connection of its own.</summary>
sealed class NewConnections : Trial
{
    const int Connections = 64;

    public static readonly Measure Rate = new("New connections", "connections/s", true);

    public override IReadOnlyList<Measure> Measures { get; } = [Rate];

    public override string Description =>
        $"wrk with {Wrk.Threads} threads, {Connections} connections at a time, each closed after its one request (Connection: close)";

    public override async Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds)
    {
        var run = await Wrk.RunAsync(client, subject, Connections, seconds, options: ["--header", "Connection: close"]);
        return new Outcome(run.Failures, run.RequestsPerSecond);
    }
}
