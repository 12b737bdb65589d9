using System.Text.Json;
using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>As many bytes as go through, on a few TCP connections.</summary>
sealed class BulkTcp(int streams) : Trial
{
    const double Giga = 1e9;

    public override IReadOnlyList<Measure> Measures { get; } = [MeasureFor(streams)];

    public override string Description => $"iperf3 from the client to one server, {streams} connection{(streams == 1 ? "" : "s")}: what arrived";

    public static Measure MeasureFor(int streams) => new($"Bulk TCP, {streams} stream{(streams == 1 ? "" : "s")}", "Gbit/s", true);

    public override async Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds)
    {
        var told = await client.ShellAsync(
            "iperf3 --json --client \"$1\" --port \"$2\" --time \"$3\" --parallel \"$4\"",
            subject.BulkTarget.Host, Server.Bulk, seconds, streams);
        using var json = JsonDocument.Parse(told);
        var received = json.RootElement.GetProperty("end").GetProperty("sum_received");
        return new Outcome(0, received.GetProperty("bits_per_second").GetDouble() / Giga);
    }
}
