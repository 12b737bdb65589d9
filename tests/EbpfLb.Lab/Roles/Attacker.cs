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

    /// <summary>Takes the way back from the host as well.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _host.ShellAsync("ip route del \"$1\" via \"$2\"", Victim, Address);
        await base.DisposeAsync();
    }

    async Task<long> FloodAsync(Role server, string packet, int count)
    {
        var told = await ShellAsync(
            """
            ping -c 1 -W 5 "$1" >/dev/null
            there=$(ip neighbour show "$1" | sed -n 's/.* lladdr \([^ ]*\) .*/\1/p')
            here=$(cat /sys/class/net/eth0/address)
            echo "{ eth(sa=$here, da=$there), $2, $3 }" >/tmp/flood
            trafgen --dev eth0 --conf /tmp/flood --num "$4" 2>&1
            """, server.Address, Header(server.Address), packet, count);
        return Sent().Match(told) is { Success: true } sent
            ? long.Parse(sent.Groups[1].Value, CultureInfo.InvariantCulture)
            : throw new LabException($"{Name}: {told}");
    }

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
