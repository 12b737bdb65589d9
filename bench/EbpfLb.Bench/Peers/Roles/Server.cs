using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Roles;

/// <summary>A server behind every balancer: of small web pages, of DNS, and of iperf3's bulk.</summary>
sealed class Server : Role
{
    /// <summary>Its ports.</summary>
    public const int Web = 80, Dns = 53, Bulk = 5201;

    const string Sockets = "ss --listening --tcp --udp --numeric --no-header \"sport = :$1 or sport = :$2 or sport = :$3\"";
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20);

    public Server(LabNetwork network, string name, string image)
        : base(network, name, network.Member(image, name)
            .WithCreateParameterModifier(container => container.HostConfig!.Sysctls = Sysctls())
            .Build())
    {
    }

    /// <summary>Begins to serve, at its own address and at those that it shares with balancers in mode dsr.</summary>
    public async Task ServeAsync(IEnumerable<Addresses> shared)
    {
        await ShellAsync(
            """
            nginx -c /bench/nginx-server.conf
            iperf3 --server --daemon
            nsd -c /bench/nsd.conf "$@"
            """, [.. shared.Prepend(Addresses).SelectMany(each => new object[] { "-a", each.V4 })]);
        await Eventually.That($"{Name} serves", () => ShellAsync(Sockets, Web, Dns, Bulk),
            sockets => new[] { Web, Dns, Bulk }.All(port => sockets.Contains($":{port} ", StringComparison.Ordinal)), LongestStart);
    }

    /// <summary>A shared address is not told of on the link; many may connect at once.</summary>
    static Dictionary<string, string> Sysctls() =>
        new(LabNetwork.SharingSysctls()) { ["net.core.somaxconn"] = "65535" };
}
