using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Model;

/// <summary>One of the balancer's interfaces.</summary>
sealed record Side(string Name, uint Index, Mac Mac);

/// <summary>A client, a backend, or both.</summary>
sealed record Host(IPAddress Address, Side Side, Mac Mac);

/// <summary>A backend of a service; port 0 is the one that the client asked for.</summary>
sealed record WorldBackend(uint Id, IPEndPoint At);

/// <summary>A service, on one port or, where that is 0, on any.</summary>
sealed record WorldService(
    uint Id, byte Protocol, IPEndPoint At, LbAlgorithm Algorithm, IReadOnlyList<WorldBackend> Backends)
{
    /// <summary>Whether its backends answer clients themselves (modes dsr and tunnel).</summary>
    public bool IsDirect { get; init; }

    /// <summary>How packets are encapsulated; null if they are not.</summary>
    public TunnelKind? Tunnel { get; init; }

    /// <summary>What backends see as the source in mode nat.</summary>
    public LbNatSource NatSource { get; init; }

    /// <summary>Whether the balancer is a router on a packet's way, which lowers its time to live.</summary>
    public bool IsHop => !IsDirect || Tunnel is not null;
}

/// <summary>
/// The balancer's surroundings in one IP version: hosts on two links, and services that share backends, so that their
/// flows compete for NAT ports.
/// </summary>
sealed class World
{
    /// <summary>The links', in bytes of IP packets.</summary>
    public const int Mtu = 1500;

    static readonly Side Near = new("near", 201, new Mac(0x020000000101));
    static readonly Side Far = new("far", 202, new Mac(0x020000000201));

    /// <summary>Each IP version's.</summary>
    public static readonly World[] All =
        [new("10.9.0.", "10.10.0.", 0, ("fd09::", "fd0a::")), new("fd09::", "fd0a::", 16, ("10.9.0.", "10.10.0."))];

    readonly string _near;
    readonly string _far;
    readonly Host _lost;

    World(string near, string far, uint firstId, (string Near, string Far) other)
    {
        (_near, _far) = (near, far);
        Virtual = IPAddress.Parse($"{near}2");
        NatAddress = IPAddress.Parse($"{near}3");
        var balancer = IPAddress.Parse($"{near}1");
        Addresses = [balancer, Virtual, NatAddress, IPAddress.Parse($"{far}1")];
        Host a = On(Near, 11), b = On(Near, 12), c = On(Near, 13), distant = On(Far, 14);
        // To which no route leads.
        var lost = near.Replace('9', '8');
        _lost = new(IPAddress.Parse($"{lost}104"), Near, new Mac(Near.Mac.Value + 104));
        // The first backend is a client too.
        Host[] clients = [On(Near, 101), On(Near, 102), On(Far, 103), a];
        Clients = [.. clients, _lost];
        Hosts = [.. clients, b, c, distant];
        var backends = 4 * firstId;
        WorldService Serve(
            uint id, byte protocol, IPAddress at, int port, LbAlgorithm algorithm, params IPEndPoint[] to) =>
            new(firstId + id, protocol, new(at, port), algorithm,
                [.. to.Select(end => new WorldBackend(backends++, end))]);
        const byte tcp = TcpPacket.ProtocolNumber, udp = UdpPacket.ProtocolNumber;
        IPEndPoint a80 = new(a.Address, 80), b80 = new(b.Address, 80), c8080 = new(c.Address, 8080);
        IPEndPoint distant80 = new(distant.Address, 80);
        IPEndPoint lost80 = new(IPAddress.Parse($"{lost}1"), 80);
        Services =
        [
            Serve(0, tcp, balancer, 80, LbAlgorithm.RoundRobin, a80, b80, lost80),
            Serve(1, udp, balancer, 80, LbAlgorithm.RoundRobin, a80, new(b.Address, 53)),
            Serve(2, tcp, balancer, 8080, LbAlgorithm.Maglev, a80, b80, distant80),
            Serve(3, udp, balancer, 8080, LbAlgorithm.SourceHash, a80, c8080),
            Serve(4, tcp, Virtual, 0, LbAlgorithm.RoundRobin, new(a.Address, 0), new(distant.Address, 0)),
            Serve(5, tcp, Virtual, 80, LbAlgorithm.LeastConnections, a80, b80),
            Serve(6, udp, Virtual, 80, LbAlgorithm.Random, distant80, b80),
            Serve(7, tcp, balancer, 53, LbAlgorithm.SourceHash, b80, c8080),
            // Only with backends in turn can be told, of a packet that keeps its addresses, who is to get it.
            Serve(8, tcp, Virtual, 8080, LbAlgorithm.RoundRobin, new(a.Address, 8080), new(distant.Address, 8080))
                with { IsDirect = true },
            Serve(9, udp, Virtual, 8080, LbAlgorithm.RoundRobin, new(b.Address, 8080), new(c.Address, 8080))
                with { IsDirect = true },
            // A tunnel leads to backends of the other IP version too.
            Serve(10, tcp, Virtual, 81, LbAlgorithm.RoundRobin, new(distant.Address, 81), new(IPAddress.Parse($"{other.Near}12"), 81))
                with { IsDirect = true, Tunnel = TunnelKind.Ipip },
            Serve(11, udp, Virtual, 81, LbAlgorithm.RoundRobin, new(b.Address, 81), new(IPAddress.Parse($"{other.Far}14"), 81))
                with { IsDirect = true, Tunnel = TunnelKind.Gue },
            Serve(12, tcp, Virtual, 82, LbAlgorithm.RoundRobin, a80, distant80) with { NatSource = LbNatSource.Interface },
            Serve(13, udp, Virtual, 82, LbAlgorithm.SourceHash, b80, distant80) with { NatSource = LbNatSource.Address },
            Serve(14, tcp, Virtual, 83, LbAlgorithm.Maglev, a80, distant80) with { NatSource = LbNatSource.Address },
        ];
    }

    /// <summary>The last one cannot be answered: no route leads back.</summary>
    public IReadOnlyList<Host> Clients { get; }

    /// <summary>Who has a route.</summary>
    public IReadOnlyList<Host> Hosts { get; }

    public IReadOnlyList<WorldService> Services { get; }

    /// <summary>The balancer's own.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; }

    /// <summary>A second address of the balancer's.</summary>
    IPAddress Virtual { get; }

    /// <summary>What services with an address for that send from.</summary>
    public IPAddress NatAddress { get; }

    /// <summary>Null where no route leads.</summary>
    public static Host? WayTo(IPAddress address) => ByAddress.GetValueOrDefault(address);

    /// <summary>Who sends from there, by a route or not; null for nobody.</summary>
    public static Host? HostAt(IPAddress address) =>
        WayTo(address) ?? All.Select(world => world._lost).SingleOrDefault(lost => lost.Address.Equals(address));

    /// <summary>
    /// The balancer's end towards a backend: the address that the client asked where it is reached by his own link,
    /// else the balancer's on the backend's. A service may say otherwise.
    /// </summary>
    public static IPAddress SourceTo(IPAddress backend, Ends asked)
    {
        var source = ServiceAt(asked.Protocol, asked.Destination)?.NatSource;
        if (source == LbNatSource.Address)
            return All.Single(world => world.Addresses.Contains(asked.Destination.Address)).NatAddress;
        if (source == LbNatSource.Interface)
            return OwnAddressTo(backend);
        var (there, here) = (WayTo(backend)?.Side, HostAt(asked.Source.Address)?.Side);
        if (there is null || there == here)
            return asked.Destination.Address;
        return OwnAddressTo(backend);
    }

    /// <summary>The balancer's address on a backend's link.</summary>
    public static IPAddress OwnAddressTo(IPAddress backend) =>
        All.Single(world => world.Hosts.Any(host => host.Address.Equals(backend))).AddressOn(WayTo(backend)!.Side);

    /// <summary>The service that listens there, on port 0 the one for any.</summary>
    public static WorldService? ServiceAt(byte protocol, IPEndPoint at) => ByEndPoint.GetValueOrDefault((protocol, at));

    static Dictionary<(byte, IPEndPoint), WorldService> ByEndPoint { get; } =
        All.SelectMany(world => world.Services).ToDictionary(service => (service.Protocol, service.At));

    static Dictionary<IPAddress, Host> ByAddress { get; } =
        All.SelectMany(world => world.Hosts).ToDictionary(host => host.Address);

    /// <summary>What the datapath is told of the links, by their indexes.</summary>
    public static IEnumerable<(LbLink Link, Side Side)> Links() => new[] { Near, Far }.Select(side => (new LbLink
    {
        Name = side.Name,
        Ip4 = LbAddress.From(All[0].AddressOn(side)),
        Ip6 = LbAddress.From(All[1].AddressOn(side)),
    }, side));

    /// <summary>Lines for iproute2 that make it.</summary>
    public static IEnumerable<string> Setup() =>
    [
        "link set lo up",
        .. new[] { Near, Far }.SelectMany(side => (string[])
        [
            $"link add {side.Name} index {side.Index} address {side.Mac} type veth peer name {side.Name}-end",
            $"link set {side.Name}-end up",
            $"link set {side.Name} up mtu {Mtu}",
        ]),
        .. All.SelectMany(world => world.SetupHosts()),
    ];

    IPAddress AddressOn(Side side) => IPAddress.Parse($"{(side == Near ? _near : _far)}1");

    IEnumerable<string> SetupHosts()
    {
        var options = Virtual.GetAddressBytes().Length == 4 ? ("24", "32", "") : ("64", "128", "nodad");
        yield return $"address add {_near}1/{options.Item1} dev {Near.Name} {options.Item3}";
        yield return $"address add {_far}1/{options.Item1} dev {Far.Name} {options.Item3}";
        yield return $"address add {Virtual}/{options.Item2} dev lo";
        foreach (var host in Hosts)
            yield return $"neigh add {host.Address} lladdr {host.Mac} dev {host.Side.Name} nud permanent";
    }

    Host On(Side side, int number)
    {
        var network = side == Near ? _near : _far;
        return new(IPAddress.Parse($"{network}{number}"), side, new Mac(side.Mac.Value + (ulong)number));
    }
}
