using System.Globalization;
using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>Many connections that are held at once, with a request now and then.</summary>
sealed class HeldConnections : Trial
{
    const int Connections = 5000;
    const int SecondsToOpen = 2, SecondsToLook = 2;

    public static readonly Measure Held = new("Connections held", "connections", true);
    public static readonly Measure Memory = new("Memory per held connection", "bytes", false);

    public override IReadOnlyList<Measure> Measures { get; } = [Held, Memory];

    public override string Description =>
        $"{Connections} connections are asked for, with a request a second on each. Held are those that are established after " +
        $"{SecondsToOpen} s. The memory is, of ebpf-lb, the table of flows, which is allocated whole at the start, by the number of " +
        "flows that there is room for; of nftables, an entry in the kernel's connection tracking, without its extensions; of " +
        "proxies, what their container has more than before its first connection, sockets in the kernel included";

    public override async Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds)
    {
        var load = Wrk.RunAsync(client, subject, Connections, SecondsToOpen + SecondsToLook, "hold.lua");
        var held = int.Parse(await client.ShellAsync(
            """
            sleep "$1"
            ss --no-header --tcp --numeric state established "dport = :$2" | wc --lines
            """, SecondsToOpen, Server.Web), CultureInfo.InvariantCulture);
        var bytes = await subject.BytesForAsync(held);
        return new Outcome((await load).Failures, held, bytes / held);
    }
}
