using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>One of the balancer's interfaces.</summary>
sealed record Link(string Name, uint Index, int Mtu, IPAddress[] Addresses)
{
    public Mac Mac => Mac.From(Addresses[0]);

    /// <summary>As user space tells the datapath of it.</summary>
    public LbLink InTables => new()
    {
        Name = Name,
        Ip4 = LbAddress.From(Addresses.Single(address => address.AddressFamily == AddressFamily.InterNetwork)),
        Ip6 = LbAddress.From(Addresses.Single(address => address.AddressFamily == AddressFamily.InterNetworkV6)),
    };

    /// <inheritdoc cref="InTables"/>
    public LbLinkLayer LayerInTables => Mac.LayerOf(Index);
}

/// <summary>The way to a host: the interface that a packet leaves by and the neighbour that gets it.</summary>
sealed record Hop(Link Link, Mac Neighbour);

/// <summary>
/// The network that the balancer under test stands in, with real routes and neighbours in the kernel:
/// clients and backends on one link, and a router on another with more clients behind it.
/// </summary>
sealed class TestNetwork
{
    /// <summary>What the route there takes, which is less than its link does.</summary>
    public const int MtuToDave = 1400;

    static readonly Lazy<TestNetwork> TheOne = new(() => new TestNetwork());

    /// <summary>Cases that run side by side need not wait for one another here.</summary>
    readonly NetworkNamespace _namespace = new(threads: 1 + Environment.ProcessorCount);

    TestNetwork()
    {
        _namespace.Run(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
            File.WriteAllText("/proc/sys/net/ipv6/conf/all/forwarding", "1");
            return true;
        });
        _namespace.Configure(
        [
            "link set lo up",
            .. Setup(Lan),
            .. Setup(Far),
            .. Hosts.OfEachFamily.SelectMany(Setup),
            $"route add {Hosts.Ip4.Dave} via inet6 {Hosts.Ip6.Router} mtu lock {MtuToDave}",
            $"route add {Hosts.Ip6.Dave} via {Hosts.Ip6.Router} mtu lock {MtuToDave}",
        ]);
    }

    public static TestNetwork Shared => TheOne.Value;

    public static Link Lan { get; } = new("lan", 101, 9000, [.. Hosts.OfEachFamily.Select(hosts => hosts.Balancer)]);

    public static Link Far { get; } = new("far", 102, 1500, [.. Hosts.OfEachFamily.Select(hosts => hosts.FarBalancer)]);

    /// <summary>The way to a host; null where the kernel has not resolved the neighbour.</summary>
    public static Hop? WayTo(IPAddress host)
    {
        if (Hosts.OfEachFamily.Any(hosts => hosts.BehindRouter.Contains(host)))
            return new(Far, Mac.From(Hosts.Ip4.Router));
        return Hosts.OfEachFamily.Any(hosts => hosts.OnLan.Contains(host)) ? new(Lan, Mac.From(host)) : null;
    }

    public T Inside<T>(Func<T> action) => _namespace.Run(action);

    /// <inheritdoc cref="NetworkNamespace.RunBeside"/>
    public Task Beside(Action action) => _namespace.RunBeside(action);

    /// <summary>Does it while no route leads to that host.</summary>
    public void WithoutRouteToFrank(Hosts hosts, Action action)
    {
        _namespace.Configure(RouteToFrank(hosts, "del"));
        try
        {
            action();
        }
        finally
        {
            _namespace.Configure(RouteToFrank(hosts, "add"));
        }
    }

    /// <summary>Does it while a rule, as iproute2 writes it, has some packets to a host take the way by the router.</summary>
    public void WithRouteByPort(Hosts hosts, IPAddress host, string rule, Action action)
    {
        const int Table = 84;
        string[] Lines(string verb) =>
            [$"route {verb} {host} via {hosts.Router} table {Table}", $"rule {verb} to {host} {rule} table {Table}"];
        _namespace.Configure(hosts.Family, Lines("add"));
        try
        {
            action();
        }
        finally
        {
            _namespace.Configure(hosts.Family, Lines("del"));
        }
    }

    /// <summary>A socket of the balancer's own, made and set up inside.</summary>
    public Socket OpenSocket(AddressFamily family, ProtocolType protocol, Action<Socket> setUp) => _namespace.Run(() =>
    {
        var type = protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram;
        var socket = new Socket(family, type, protocol) { Blocking = false };
        setUp(socket);
        return socket;
    });

    static string[] Setup(Link link) =>
    [
        $"link add {link.Name} index {link.Index} address {link.Mac} type veth peer name {link.Name}-end",
        $"link set {link.Name}-end up",
        $"link set {link.Name} up mtu {link.Mtu}",
        .. link.Addresses.Select(address => address.AddressFamily == AddressFamily.InterNetwork
            ? $"address add {address}/24 dev {link.Name}"
            : $"address add {address}/16 dev {link.Name} nodad"),
    ];

    static string[] Setup(Hosts hosts) =>
    [
        .. hosts.OnLan.Select(host => $"neigh add {host} lladdr {Mac.From(host)} dev {Lan.Name} nud permanent"),
        $"neigh add {hosts.Router} lladdr {Mac.From(hosts.Router)} dev {Far.Name} nud permanent",
        $"route add {hosts.Carol} via {hosts.Router}",
        $"address add {hosts.Alias} dev lo{(hosts == Hosts.Ip6 ? " nodad" : "")}",
        $"route add {hosts.Erin} via {hosts.Router} src {hosts.Alias}",
        RouteToFrank(hosts, "add"),
    ];

    static string RouteToFrank(Hosts hosts, string verb) => $"route {verb} {hosts.Frank} via {hosts.Router}";
}
