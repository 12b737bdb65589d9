using System.Globalization;
using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;

namespace EbpfLb.Bench.Peers.Trials;

/// <summary>Many connections that are held at once, with a request now and then.</summary>
sealed class HeldConnections : Trial
{
    const int Connections = 5000;
    const int SecondsToOpen = 6, SecondsAtMost = 30;

    public static readonly Measure Held = new("Connections held", "connections", true);
    public static readonly Measure Memory = new("Memory per held connection", "bytes", false);

    public override IReadOnlyList<Measure> Measures { get; } = [Held, Memory];

    public override string Description =>
        $"{Connections} connections are asked for, with a request a second on each. Held are those that are established at a time, " +
        $"within {SecondsToOpen} s. The memory is, of ebpf-lb, the table of flows, which is allocated whole at the start, by the number of " +
        "flows that there is room for; of nftables, an entry in the kernel's connection tracking, without its extensions; of " +
        "proxies, what their container has more than before its first connection, sockets in the kernel included";

    public override async Task<Outcome> RunAsync(LoadClient client, Subject subject, int seconds)
    {
        var load = Wrk.RunAsync(client, subject, Connections, SecondsAtMost, "hold.lua");
        var held = await CountAsync(client);
        var bytes = await subject.BytesForAsync(held);
        await Wrk.EndAsync(client);
        return new Outcome((await load).Failures, held, held == 0 ? null : bytes / held);
    }

    /// <summary>Looks until all are established, or for as long as there is time; the most that were at a time.</summary>
    static async Task<int> CountAsync(LoadClient client) => int.Parse(await client.ShellAsync(
        """
        most=0
        for look in $(seq "$(($1 * 5))"); do
            established=$(ss --no-header --tcp --numeric state established "dport = :$2" | wc --lines)
            [ "$established" -le "$most" ] || most=$established
            [ "$most" -lt "$3" ] || break
            sleep 0.2
        done
        echo "$most"
        """, SecondsToOpen, Server.Web, Connections), CultureInfo.InvariantCulture);
}
