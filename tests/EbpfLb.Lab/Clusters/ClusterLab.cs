using System.Text;
using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Clusters;

/// <summary>
/// Several balancers that share an address, and two servers that own it too: what balancers forward in mode dsr. Specs
/// share the servers and the client; each spec has machines of its own.
/// </summary>
public abstract class ClusterLab : IAsyncDisposable
{
    const string ByHttp = "http: /, every: 2s, timeout: 2s, fall: 10", ThroughTunnel = "tcp: true, tunnel: true, every: 1s, timeout: 1s, rise: 1, fall: 3";

    readonly List<Node> _nodes = [];
    readonly List<Decapsulator> _decapsulators = [];
    int _names;
    Task<RemoteFile>? _file;

    private protected ClusterLab(LabEngine engine, string name)
    {
        Engine = engine;
        Network = new(engine, name);
        ClientNetwork = Network;
    }

    public Client Client { get; private set; } = null!;

    public Client OtherClient { get; private set; } = null!;

    public FileServer A { get; private set; } = null!;

    public FileServer B { get; private set; } = null!;

    /// <summary>What the clients ask.</summary>
    public SharedAddress Service { get; private set; } = null!;

    /// <summary>Why the lab has no IPv6; null where it has.</summary>
    public string? ObstacleToIPv6 => Network.ObstacleToIPv6;

    /// <summary>The machines of the present spec.</summary>
    internal IReadOnlyList<Node> Nodes => _nodes;

    private protected LabEngine Engine { get; }

    /// <summary>The network of balancers and servers.</summary>
    private protected LabNetwork Network { get; }

    /// <summary>The network of clients.</summary>
    private protected LabNetwork ClientNetwork { get; init; }

    public virtual async ValueTask InitializeAsync()
    {
        await Network.CreateAsync();
        Service = new(await Network.FreeAddressesAsync(), () => Network.Family);
        (A, B) = (new(Network, "files-a", direct: true), new(Network, "files-b", direct: true));
        (Client, OtherClient) = (new(ClientNetwork, "client"), new(ClientNetwork, "other-client"));
        await Task.WhenAll(new Role[] { A, B, Client, OtherClient }.Select(role => role.StartAsync()));
        await Task.WhenAll(WithToolsAsync(A, tools => tools.OwnAsync(Service.Addresses)), WithToolsAsync(B, tools => tools.OwnAsync(Service.Addresses)));
    }

    /// <summary>Has traffic go to addresses of one family from now on.</summary>
    internal void Speak(Family family) => Network.Family = ClientNetwork.Family = family;

    /// <summary>A file that both servers have, made for the first spec that asks.</summary>
    public Task<RemoteFile> FileAsync(int megabytes) => _file ??= CreateFileAsync(megabytes);

    /// <summary>How every balancer of the cluster is run.</summary>
    /// <param name="servers">The backends.</param>
    public BalancerPlan PlanFor(params FileServer[] servers) => PlanFor("mode: dsr", servers);

    /// <summary>As the other one, in mode nat.</summary>
    /// <param name="natSource">The source address of packets to backends, as in a file.</param>
    /// <param name="servers">The backends.</param>
    public BalancerPlan NatPlanFor(string natSource, params FileServer[] servers) => PlanFor($"mode: nat, nat-source: {natSource}", servers);

    /// <summary>As the other one, in mode tunnel, with checks through the tunnel.</summary>
    /// <param name="encapsulation">The outer header.</param>
    /// <param name="across">Whether backends are known by their addresses of the family that clients do not speak.</param>
    /// <param name="servers">The backends.</param>
    public BalancerPlan TunnelPlanFor(string encapsulation, bool across, params FileServer[] servers) =>
        PlanFor($"mode: tunnel, encapsulation: {encapsulation}", servers, ThroughTunnel, across);

    /// <summary>Has a server take outer headers off, until the spec ends.</summary>
    public async Task DecapsulateAsync(FileServer server)
    {
        var decapsulator = new Decapsulator(Network, NextName($"{server.Name}-decapsulator"), server);
        _decapsulators.Add(decapsulator);
        await decapsulator.BecomeReadyAsync();
    }

    /// <summary>Takes the shared address from a server; disposal gives it back.</summary>
    public async Task<IAsyncDisposable> DisownAsync(FileServer server)
    {
        var tools = new Toolbox(Network, NextName("tools"), server);
        await tools.StartAsync();
        await tools.DisownAsync(Service.Addresses);
        return new Disowned(tools, Service.Addresses);
    }

    BalancerPlan PlanFor(string mode, FileServer[] servers, string health = ByHttp, bool across = false) => new()
    {
        Hook = "tc",
        StandsInFile = true,
        Configuration = string.Concat(
            [
                $"interface: {BalancerHost.Interface}\nhook: tc\nevents: off\nwithdraw-for: 5s\nflows: 16384\nmax-services: 1024\nmax-backends: 4096\nservices:\n",
                ServiceFor("web", mode, health, $"{Service.Addresses.V4}", servers.Select(server => across ? QuotedV6(server) : $"{server.Addresses.V4}")),
                .. Service.Addresses.V6 is { } v6
                    ? new[] { ServiceFor("web6", mode, health, $"[{v6}]", servers.Select(server => across ? $"{server.Addresses.V4}" : QuotedV6(server))) } : [],
            ]),
    };

    /// <summary>Starts a machine with a balancer; a lab with an engine for it starts that.</summary>
    private protected async Task<Node> StartNodeAsync(BalancerPlan plan)
    {
        var node = new Node(Network, NextName("node"), await Engine.Images.BuildNodeAsync());
        lock (_nodes)
            _nodes.Add(node);
        await node.Host.StartAsync();
        await node.StartBalancerAsync(plan);
        return node;
    }

    /// <summary>Removes the machines of the present spec, and what it had servers do.</summary>
    internal async Task EndNodesAsync()
    {
        foreach (var decapsulator in _decapsulators)
        {
            await decapsulator.EndAsync();
            await decapsulator.DisposeAsync();
        }
        _decapsulators.Clear();
        if (!LabRun.IsKept)
            await Task.WhenAll(_nodes.Select(node => node.DisposeAsync().AsTask()));
        _nodes.Clear();
    }

    /// <summary>What the lab looks like when a spec has failed.</summary>
    internal async Task AttachEvidenceAsync()
    {
        var report = new StringBuilder();
        foreach (var balancer in _nodes.SelectMany(node => node.Balancers))
            await Evidence.AddAsync(report, $"{balancer.Name}: what it printed", () => Evidence.LogsAsync(balancer, default));
        foreach (var host in _nodes.Select(node => node.Host).Concat<Role>(Machines).Append(Client).Append(A).Append(B))
            await Evidence.AddAsync(report, $"{host.Name}: logs, addresses, routes, neighbours", () => Evidence.PrintAsync(host, "sh", "-c",
                "cat /var/log/keepalived.log /var/log/bird.log; ip -brief address; ip route; ip -6 route; ip neighbour; ss -tn"));
        LabContext.Current.WriteLine(report.ToString());
        LabContext.Current.Attach("evidence", report.ToString());
    }

    /// <summary>More machines to look at when a spec has failed.</summary>
    private protected virtual IEnumerable<Role> Machines => [];

    /// <summary>Sets up a machine that has no tools for that.</summary>
    private protected async Task WithToolsAsync(Role machine, Func<Toolbox, Task> use)
    {
        await using var tools = new Toolbox(machine == Client || machine == OtherClient ? ClientNetwork : Network, NextName("tools"), machine);
        await tools.StartAsync();
        await use(tools);
    }

    sealed class Disowned(Toolbox tools, Addresses addresses) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await tools.OwnAsync(addresses);
            await tools.DisposeAsync();
        }
    }

    async Task<RemoteFile> CreateFileAsync(int megabytes)
    {
        var files = await Task.WhenAll(A.CreateCommonFileAsync(megabytes), B.CreateCommonFileAsync(megabytes));
        return files.Distinct().Single();
    }

    private protected string NextName(string role) => $"{role}-{Interlocked.Increment(ref _names)}";

    /// <summary>The sweeper of the engine removes what is there: it knows all of it by its labels.</summary>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    static string QuotedV6(FileServer server) => $"\"[{server.Addresses.V6}]:80\"";

    static string ServiceFor(string name, string mode, string health, string address, IEnumerable<string> backends) =>
        $$"""
          - { name: {{name}}, listen: "{{address}}:80", {{mode}}, algorithm: maglev, health: { {{health}} }, backends: [ {{string.Join(", ", backends)}} ] }

        """;
}
