using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Roles;

/// <summary>
/// Someone who floods a balancer in another's name and completes nothing.
/// What answers that is led back here and ends here: nothing of it leaves the lab.
/// </summary>
public sealed partial class Attacker : Role
{
    // From the next port each time; trafgen knows the checksums.
    const string Requests = "tcp(sport=dinc(1, 65535), dport=80, syn, seq=1, win=65535)";
    const string Datagrams = "udp(sport=dinc(1, 65535), dport=53), \"flood\"";

    static readonly string[] Segments = ["syn", "ack", "rst", "fin, ack"];

    readonly BalancerHost _host;

    internal Attacker(LabNetwork network, string name, BalancerHost host)
        : base(network, name, Container(network, name)) => _host = host;

    /// <summary>Nobody (RFC 5737, RFC 3849).</summary>
    string Victim => OverIPv6 ? "2001:db8::1" : "198.51.100.1";

    bool OverIPv6 => Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;

    internal override async Task StartAsync()
    {
        await base.StartAsync();
        await _host.ShellAsync("ip route add \"$1\" via \"$2\"", Victim, Address);
    }

    /// <summary>Sends so many connection requests as fast as it can, and tells how many it sent.</summary>
    public Task<long> FloodWithRequestsAsync(Role server, int count) => FloodAsync(server, Requests, count);

    /// <summary>Sends so many datagrams as fast as it can, and tells how many it sent.</summary>
    public Task<long> FloodWithDatagramsAsync(Role server, int count) => FloodAsync(server, Datagrams, count);

    /// <summary>
    /// Sends packets of all kinds at once, so many of each, as fast as it can, and tells how many it sent: SYNs, other
    /// segments, datagrams and fragments of them in the victim's name, and the same segments in the name of a client's
    /// connection, with numbers at random. Over IPv4.
    /// </summary>
    public Task<long> FloodWithEverythingAsync(Role server, IPEndPoint connection, int count) => FloodAsync(
        server, count,
        [
            .. Segments.Select(flags => $"{Header(server.Address)}, tcp(sport=dinc(1, 65535), {SegmentOf(flags)})"),
            .. Segments.Select(flags =>
                $"ipv4(saddr={connection.Address}, daddr={server.Address}, ttl=64), tcp(sport={connection.Port}, {SegmentOf(flags)})"),
            $"{Header(server.Address)}, {Datagrams}",
            $"ipv4(saddr={Victim}, daddr={server.Address}, ttl=64, id=dinc(1, 65535), mf), "
                + "udp(sport=dinc(1, 65535), dport=53, len=136), fill(0x61, 64)",
            $"ipv4(saddr={Victim}, daddr={server.Address}, ttl=64, id=dinc(1, 65535), frag=9, proto=17), fill(0x61, 64)",
        ]);

    /// <summary>Takes the way back from the host as well.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _host.ShellAsync("ip route del \"$1\" via \"$2\"", Victim, Address);
        await base.DisposeAsync();
    }

    Task<long> FloodAsync(Role server, string packet, int count) =>
        FloodAsync(server, count, [$"{Header(server.Address)}, {packet}"]);

    /// <param name="server">At whom.</param>
    /// <param name="count">How many packets of each kind.</param>
    /// <param name="kinds">trafgen takes one of them, if it has fields that change: each has its own.</param>
    async Task<long> FloodAsync(Role server, int count, string[] kinds)
    {
        var told = await ShellAsync(
            """
            ping -c 1 -W 5 "$1" >/dev/null
            there=$(ip neighbour show "$1" | sed -n 's/.* lladdr \([^ ]*\) .*/\1/p')
            here=$(cat /sys/class/net/eth0/address)
            count=$2
            shift 2
            for packet; do
                kind=$((kind + 1))
                echo "{ eth(sa=$here, da=$there), $packet }" >"/tmp/flood.$kind"
                trafgen --dev eth0 --conf "/tmp/flood.$kind" --num "$count" >"/tmp/sent.$kind" 2>&1 &
            done
            wait
            cat /tmp/sent.*
            rm /tmp/flood.* /tmp/sent.*
            """, [server.Address, count, .. kinds]);
        var sent = Sent().Matches(told).Select(one => long.Parse(one.Groups[1].Value, CultureInfo.InvariantCulture)).ToArray();
        return sent.Length == kinds.Length ? sent.Sum() : throw new LabException($"{Name}: {told}");
    }

    static string SegmentOf(string flags) => $"dport=80, {flags}, seq=drnd(), ackseq=drnd(), win=65535";

    string Header(IPAddress server) => OverIPv6
        ? $"ipv6(saddr={Victim}, daddr={server}, hoplimit=64)"
        : $"ipv4(saddr={Victim}, daddr={server}, ttl=64)";

    static IContainer Container(LabNetwork network, string name) => network
        .Member(network.Engine.Images.Client, name)
        .WithCreateParameterModifier(container =>
            container.HostConfig!.Sysctls = network.RouterSysctls().ToDictionary(sysctl => sysctl.Key, _ => "0"))
        .Build();

    [GeneratedRegex("(\\d+) packets outgoing")]
    private static partial Regex Sent();
}
