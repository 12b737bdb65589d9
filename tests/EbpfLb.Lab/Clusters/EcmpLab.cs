using System.Net;
using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Clusters;

/// <summary>
/// Balancers behind a router that spreads flows over them by their ports: BIRD on each machine announces the shared address
/// while its balancer is healthy. Clients are on the router's other side.
/// </summary>
public class EcmpLab : ClusterLab
{
    const int RouterAs = 65000, NodeAs = 65001;
    static readonly TimeSpan Convergence = TimeSpan.FromSeconds(20);

    public EcmpLab(LabEngine engine)
        : base(engine, "ecmp") => ClientNetwork = new(engine, "ecmp-clients");

    /// <summary>The router.</summary>
    BalancerHost Router { get; set; } = null!;

    /// <summary>Its addresses on the network of balancers and servers.</summary>
    Addresses Inside { get; set; } = Addresses.None;

    public override async ValueTask InitializeAsync()
    {
        await ClientNetwork.CreateAsync();
        await base.InitializeAsync();
        Router = new(ClientNetwork, "router", await Engine.Images.BuildNodeAsync());
        await Router.StartAsync();
        await Network.ConnectAsync(Router.Id);
        Inside = await Network.AddressesOfAsync(Router.Id);
        var outside = Router.Addresses;
        await Task.WhenAll(
            RouteAsync(Client, Service.Addresses, outside), RouteAsync(OtherClient, Service.Addresses, outside),
            RouteAsync(A, Client.Addresses, Inside), RouteAsync(A, OtherClient.Addresses, Inside),
            RouteAsync(B, Client.Addresses, Inside), RouteAsync(B, OtherClient.Addresses, Inside));
        await Router.ShellAsync("mkdir -p /run/bird && printf '%s' \"$1\" >/etc/bird.conf", RouterConfiguration([]));
        await RunBirdAsync(Router);
    }

    /// <summary>Starts machines, each with a balancer, BIRD, and an announcer.</summary>
    public async Task<Node[]> StartNodesAsync(int count, BalancerPlan plan)
    {
        // Machines of a former spec had the same addresses: the router must forget their BFD sessions, which end seconds later.
        await ConfigureRouterAsync();
        var nodes = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => StartNodeAsync(plan)));
        await ConfigureRouterAsync();
        return nodes;
    }

    Task<string> ConfigureRouterAsync() =>
        Router.ShellAsync("printf '%s' \"$1\" >/etc/bird.conf && birdc configure", RouterConfiguration(Nodes));

    /// <summary>Waits until the router sends packets to these machines and no others, of both families.</summary>
    public Task SendsToAsync(params Node[] nodes)
    {
        var expected = nodes.SelectMany(HopsBy).Order().ToArray();
        return Eventually.That($"the router sends to {string.Join(", ", nodes.Select(node => node.Name))}", NextHopsAsync,
            hops => hops.SequenceEqual(expected), Convergence, hops => string.Join(", ", hops));
    }

    /// <summary>Waits until the router sends no packets to a machine, of either family.</summary>
    public Task SendsNoMoreToAsync(Node node) => Eventually.That($"the router sends no more to {node.Name}", NextHopsAsync,
        hops => !hops.Intersect(HopsBy(node)).Any(), Convergence, hops => string.Join(", ", hops));

    /// <summary>The machine whose balancer has a client's flow.</summary>
    public async Task<Node> CarrierOfAsync(Client client)
    {
        var carried = await Eventually.That($"a balancer lists a flow of {client.Name}'s", FindAsync, found => found.Count == 1, Convergence);
        return carried.Single();

        async Task<IReadOnlyList<Node>> FindAsync()
        {
            var found = new List<Node>();
            foreach (var node in Nodes)
                if (await node.Balancer.FlowsAsync("--client", $"{client.Address}") is { Count: > 0 })
                    found.Add(node);
            return found;
        }
    }

    private protected override IEnumerable<Role> Machines => [Router];

    new async Task<Node> StartNodeAsync(BalancerPlan plan)
    {
        var node = await base.StartNodeAsync(plan);
        await node.Host.ShellAsync("mkdir -p /run/bird && printf '%s' \"$1\" >/etc/bird.conf", NodeConfiguration());
        foreach (var client in new[] { Client, OtherClient })
            foreach (var (address, router) in client.Addresses.At(0).Zip(Inside.At(0)))
                await node.Host.ShellAsync("ip route replace \"$1\" via \"$2\"", address.Address, router.Address);
        await RunBirdAsync(node.Host);
        await node.RunAsync("announce",
            """
            while sleep 0.3; do
                for service; do
                    if ebpf-lb healthy --service "$service"; then birdc enable "$service"; else birdc disable "$service"; fi
                done
            done
            """, "web", "web6");
        return node;
    }

    static IEnumerable<string> HopsBy(Node node) => node.Host.Addresses.At(0).Select(endpoint => $"{endpoint.Address}");

    async Task<string[]> NextHopsAsync()
    {
        var routes = await Task.WhenAll(Service.Addresses.At(0).Select(
            endpoint => Router.ShellAsync("ip \"$2\" -json route show \"$1\" | jq --raw-output '.[] | (.nexthops // [.])[] | .gateway'",
                endpoint.Address, IsIPv6(endpoint.Address) ? "-6" : "-4")));
        return [.. routes.SelectMany(hops => hops.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Order()];
    }

    Task RouteAsync(Role machine, Addresses to, Addresses by) => WithToolsAsync(machine, async tools =>
    {
        foreach (var (destination, gateway) in to.At(0).Zip(by.At(0)))
            await tools.ShellAsync("ip route replace \"$1\" via \"$2\"", destination.Address, gateway.Address);
    });

    static Task<string> RunBirdAsync(BalancerHost host) => host.ShellAsync("bird -f -c /etc/bird.conf >/var/log/bird.log 2>&1 </dev/null &");

    static string RouterConfiguration(IReadOnlyList<Node> nodes) => $$"""
        {{Common}}
        protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; merge paths on; }
        protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; merge paths on; }
        {{string.Join('\n', nodes.SelectMany(node => node.Host.Addresses.At(0)).Select((endpoint, number) =>
            Session($"node{number}", RouterAs, endpoint.Address, NodeAs, "import all; export none;")))}}

        """;

    string NodeConfiguration() => $$"""
        {{Common}}
        {{Announcement("web", Service.Addresses.V4)}}
        {{(Service.Addresses.V6 is { } v6 ? Announcement("web6", v6) : "")}}
        {{string.Join('\n', Inside.At(0).Select((endpoint, number) => Session(
            $"router{number}", NodeAs, endpoint.Address, RouterAs, "import none; export where source = RTS_STATIC; next hop self;")))}}

        """;

    /// <summary>A machine is gone after four seconds of silence: longer than a busy machine takes for its turns.</summary>
    const string Common =
        """
        log stderr all;
        protocol device { scan time 1; }
        protocol bfd { interface "*" { min rx interval 200 ms; min tx interval 200 ms; multiplier 20; }; }
        """;

    static string Announcement(string service, IPAddress address) => IsIPv6(address)
        ? $"protocol static {service} {{ disabled; ipv6; route {address}/128 blackhole; }}"
        : $"protocol static {service} {{ disabled; ipv4; route {address}/32 blackhole; }}";

    static string Session(string name, int own, IPAddress neighbour, int other, string channel) =>
        $"protocol bgp {name} {{ local as {own}; neighbor {neighbour} as {other}; bfd on; connect delay time 1; connect retry time 1; error wait time 1, 4; "
        + $"{(IsIPv6(neighbour) ? "ipv6" : "ipv4")} {{ {channel} }}; }}";

    static bool IsIPv6(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
}
