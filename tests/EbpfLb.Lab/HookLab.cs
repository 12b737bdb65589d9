using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>
/// The lab of one hook: clients, backends and a host for balancers on a network of their own.
/// Specs share these roles; each spec runs balancers of its own, which end with it.
/// </summary>
public class HookLab : IAsyncDisposable
{
    readonly LabNetwork _network;
    readonly string _name;
    readonly LabEngine _engine;
    readonly List<Balancer> _balancers = [];
    readonly List<BackNetwork> _backNetworks = [];
    readonly List<RoutedNetwork> _routedNetworks = [];
    bool _hostIsSpent;
    int _names;
    int _ports = 21000;

    /// <param name="engine">Where its containers run.</param>
    /// <param name="hook">That balancers attach to, as the command line writes it.</param>
    /// <param name="name">Where there are several labs of a hook; by default, the hook's.</param>
    public HookLab(LabEngine engine, string hook, string? name = null)
    {
        (Hook, _name, _engine) = (hook, name ?? hook, engine);
        _network = new LabNetwork(engine, _name);
        Host = new BalancerHost(_network, "host");
    }

    /// <summary>The hook that balancers of this lab attach to.</summary>
    public string Hook { get; }

    public Client Client { get; private set; } = null!;

    public Client OtherClient { get; private set; } = null!;

    public Backend A { get; private set; } = null!;

    public Backend B { get; private set; } = null!;

    public Backend C { get; private set; } = null!;

    public FileServer Files { get; private set; } = null!;

    public NameServer NamesA { get; private set; } = null!;

    public NameServer NamesB { get; private set; } = null!;

    public SocketServer SocketsA { get; private set; } = null!;

    public SocketServer SocketsB { get; private set; } = null!;

    /// <summary>The machine that balancers run on.</summary>
    public BalancerHost Host { get; private set; }

    /// <summary>The balancers of the present spec.</summary>
    internal IReadOnlyList<Balancer> Balancers => _balancers;

    public async ValueTask InitializeAsync()
    {
        await _network.CreateAsync();
        Client = new Client(_network, "client");
        OtherClient = new Client(_network, "other-client");
        A = new Backend(_network, "backend-a");
        B = new Backend(_network, "backend-b");
        C = new Backend(_network, "backend-c");
        Files = new FileServer(_network, "files");
        (NamesA, NamesB) = (new NameServer(_network, "names-a"), new NameServer(_network, "names-b"));
        (SocketsA, SocketsB) = (new SocketServer(_network, "sockets-a"), new SocketServer(_network, "sockets-b"));
        Role[] all = [Client, OtherClient, A, B, C, Files, NamesA, NamesB, SocketsA, SocketsB, Host];
        await Task.WhenAll(all.Select(role => role.StartAsync()));
        await Task.WhenAll(SetUpAsync(Host), SetUpEndsAsync([.. all.Except([Host])]));
    }

    /// <summary>What the hook needs of a host and of the engine's end of its link.</summary>
    private protected virtual Task SetUpAsync(BalancerHost host) => Task.CompletedTask;

    /// <summary>What the hook needs of the host's second network.</summary>
    private protected virtual Task SetUpAsync(BackNetwork back) => Task.CompletedTask;

    /// <summary>What the hook needs of clients and backends.</summary>
    private protected virtual Task SetUpEndsAsync(Role[] ends) => Task.CompletedTask;

    /// <summary>Has traffic go to addresses of one family from now on.</summary>
    internal void Speak(Family family) => _network.Family = family;

    /// <summary>Why the lab has no IPv6; null where it has.</summary>
    public string? ObstacleToIPv6 => _network.ObstacleToIPv6;

    /// <summary>Runs a balancer and waits until it is ready.</summary>
    public Task<Balancer> BalanceAsync(params Service[] services) => BalanceAsync(new BalancerPlan(services));

    /// <summary>As the other one, with a plan that says more than the services.</summary>
    public async Task<Balancer> BalanceAsync(BalancerPlan plan)
    {
        var balancer = NewBalancer(plan);
        await balancer.BecomeReadyAsync();
        return balancer;
    }

    /// <summary>Runs a balancer that is expected to end by itself, and tells how it did.</summary>
    public Task<Output> TryToBalanceAsync(BalancerPlan plan) => RunToEndAsync(plan);

    /// <summary>Lets the balancer check a plan's configuration file.</summary>
    public Task<Output> CheckAsync(BalancerPlan plan) => RunToEndAsync(plan, "check", "--config", BalancerPlan.File);

    /// <summary>Asks for the status where no balancer runs.</summary>
    public Task<Output> StatusAsync() => RunToEndAsync(new BalancerPlan(), "status", "--json");

    /// <summary>Asks whether balancers can run on the host.</summary>
    public Task<Output> ExamineAsync() =>
        RunToEndAsync(new BalancerPlan(), "doctor", "--interface", BalancerHost.Interface);

    /// <summary>The first of so many source ports that no client has used; after a connection they rest a while.</summary>
    public int TakePorts(int count) => Interlocked.Add(ref _ports, count) - count;

    /// <summary>Starts one more backend, which shares the name of a pool with others.</summary>
    public Task<Backend> StartBackendAsync(string pool) => StartAsync(new Backend(_network, NextName("backend"), pool));

    /// <summary>Starts a pool of servers, empty as yet, that balancers find by their labels.</summary>
    public Task<LabelledPool> StartPoolAsync() => LabelledPool.StartAsync(_network, NextName);

    /// <summary>Has compose bring up its pool of servers, and the balancer that finds them by their labels.</summary>
    public Task<ComposedPool> ComposePoolAsync(int servers) => ComposedPool.StartAsync(_network, NextName("composed"), servers);

    /// <summary>Compiles another build of the balancer, which differs in the runner and in the eBPF programs.</summary>
    public async Task<BalancerBuild> MakeOtherBuildAsync() => new(await _engine.Images.BuildOtherBalancerAsync());

    /// <summary>Starts one more file server, whom the network has taught nothing yet.</summary>
    public Task<FileServer> StartFileServerAsync() => StartAsync(new FileServer(_network, NextName("files")));

    /// <summary>Starts one more backend, which owns the host's addresses as well and answers for them.</summary>
    public Task<Backend> StartDirectBackendAsync() =>
        StartDirectAsync(new Backend(_network, NextName("backend"), direct: true));

    /// <summary>Starts one more file server, which owns the host's addresses as well and answers for them.</summary>
    public Task<FileServer> StartDirectFileServerAsync() =>
        StartDirectAsync(new FileServer(_network, NextName("files"), direct: true));

    /// <summary>Starts one more name server, which owns the host's addresses as well and answers for them.</summary>
    public Task<NameServer> StartDirectNameServerAsync() =>
        StartDirectAsync(new NameServer(_network, NextName("names"), direct: true));

    /// <summary>Starts one more server of small protocols, which owns the host's addresses as well and answers for them.</summary>
    public Task<SocketServer> StartDirectSocketServerAsync() =>
        StartDirectAsync(new SocketServer(_network, NextName("sockets"), direct: true));

    /// <summary>Starts another run of the suite, which has a container, a network and a volume on the engine.</summary>
    public Task<OtherRun> StartOtherRunAsync() => OtherRun.StartAsync(_engine);

    /// <summary>Does what every run does before its first spec: removes what killed runs left.</summary>
    public Task RemoveLeftoversAsync() => _engine.RemoveLeftoversAsync();

    /// <summary>Starts one more client, whom the network has taught nothing yet.</summary>
    public Task<Client> StartClientAsync() => StartAsync(new Client(_network, NextName("client")));

    /// <summary>Starts a client on the balancer's own host, in a cgroup of its own.</summary>
    public Task<LocalClient> StartLocalClientAsync() => StartAsync(new LocalClient(_network, Host, NextName("local")));

    /// <summary>Starts a Prometheus that scrapes the metrics at a port of the host's loopback, until it is disposed.</summary>
    public async Task<Prometheus> StartPrometheusAsync(int port) => await StartAsync(new Prometheus(
        _network, NextName("prometheus"), Host, await _engine.Images.BuildPrometheusAsync(), port));

    /// <summary>Starts one more server of small protocols.</summary>
    public Task<SocketServer> StartSocketServerAsync() => StartAsync(new SocketServer(_network, NextName("sockets")));

    /// <summary>Has them compute checksums and cut segments by themselves: no card, and no virtual one, does it for them.</summary>
    public Task DoWithoutOffloadsAsync(params Role[] ends) => Task.WhenAll(ends.Select(async end =>
    {
        await using var sidecar = await StartAsync(NetnsSidecar.At(_network, end));
        await sidecar.SwitchOffloadsOffAsync();
    }));

    /// <summary>The same on the host, until it is disposed.</summary>
    public async Task<HostChange> DoWithoutHostsOffloadsAsync() => await HostChange.MakeAsync(
        await StartAsync(NetnsSidecar.At(_network, Host)), sidecar => sidecar.SwitchOffloadsOffAsync(),
        sidecar => sidecar.SwitchOffloadsOnAsync());

    /// <summary>Starts someone who means ill, until it is disposed.</summary>
    public Task<Attacker> StartAttackerAsync() => StartAsync(new Attacker(_network, NextName("attacker"), Host));

    /// <summary>Puts a router with a narrow link between the host and someone, until it is disposed.</summary>
    /// <param name="mtu">The largest IP packet that gets through, in bytes.</param>
    public async Task<Router> NarrowPathAsync(Role to, int mtu)
    {
        var router = await StartAsync(new Router(_network, NextName("router"), Host, to));
        await router.LeadAsync(mtu);
        return router;
    }

    /// <summary>Has somebody else take the XDP hook of the host's first interface, until it is disposed.</summary>
    public async Task<HostChange> OccupyXdpAsync() => await HostChange.MakeAsync(
        await StartAsync(NetnsSidecar.At(_network, Host)), sidecar => sidecar.OccupyAsync(BalancerHost.Interface),
        sidecar => sidecar.FreeAsync(BalancerHost.Interface));

    /// <summary>Has somebody else put a filter on the host's first interface, which drops pings, until it is disposed.</summary>
    public async Task<HostChange> PlaceForeignFilterAsync() => await HostChange.MakeAsync(
        await StartAsync(NetnsSidecar.At(_network, Host)), sidecar => sidecar.DeafenAsync(BalancerHost.Interface),
        sidecar => sidecar.HearAsync(BalancerHost.Interface));

    /// <summary>Attaches a foreign program that drops pings by a tcx link, behind those that are there, until it is disposed.</summary>
    /// <param name="verdict">What the program returns for all other packets.</param>
    public async Task<HostChange> PlaceForeignLinkAsync(ForeignVerdict verdict) => await HostChange.MakeAsync(
        await StartAsync(NetnsSidecar.At(_network, Host)), sidecar => sidecar.DeafenByLinkAsync(BalancerHost.Interface, verdict),
        sidecar => sidecar.HearByLinkAsync());

    /// <summary>Does the kernel have tcx links? They came with 6.6.</summary>
    public async Task<bool> KnowsTcxAsync() =>
        (await Host.TryShellAsync("printf '%s\\n' 6.6 \"$(uname -r)\" | sort --check=quiet --version-sort")).Succeeded;

    /// <summary>
    /// Takes the host off the lab's network: its interface is gone. The next spec gets another host, as the engine may give
    /// the interface that comes back another name.
    /// </summary>
    public Task DisconnectHostAsync()
    {
        _hostIsSpent = true;
        return _network.DisconnectAsync(Host.Id);
    }

    /// <summary>Puts the host on the lab's network again; the engine may give it other addresses.</summary>
    public async Task ConnectHostAsync()
    {
        await _network.ConnectAsync(Host.Id);
        await Host.ReadAddressesAsync();
        await Task.WhenAll(_balancers.Select(balancer => balancer.ReadAddressesAsync()));
    }

    /// <summary>Has the host rid itself of what a balancer left on an interface.</summary>
    public Task<Output> DetachAsync(string from) => RunToEndAsync(new BalancerPlan(), "detach", "--interface", from);

    /// <summary>Gives the host a second network, on which others can be started; it goes with the spec's balancers.</summary>
    public async Task<BackNetwork> AddBackNetworkAsync()
    {
        var back = await BackNetwork.MakeAsync(_engine, $"{_name}-{NextName("back")}", Host, _network.Family);
        _backNetworks.Add(back);
        await SetUpAsync(back);
        return back;
    }

    /// <summary>Puts a network behind a router, which goes with the spec's balancers.</summary>
    public async Task<RoutedNetwork> AddRoutedNetworkAsync()
    {
        var routed = await RoutedNetwork.MakeAsync(_network, NextName("routed"), Host);
        _routedNetworks.Add(routed);
        return routed;
    }

    /// <summary>Makes the host's own way to someone narrow, until it is disposed.</summary>
    /// <param name="mtu">The largest IP packet that fits, in bytes.</param>
    public Task<HostRoute> NarrowHostRouteAsync(Role to, int mtu) => Host.NarrowAsync(to, mtu);

    /// <summary>Has the host lose its own way to someone, until it is disposed.</summary>
    public Task<HostRoute> LoseHostRouteAsync(Role to) => Host.LoseAsync(to);

    /// <summary>Ends the present spec's balancers, which have to end well and leave nothing behind.</summary>
    internal async Task EndBalancersAsync()
    {
        foreach (var balancer in _balancers)
            await balancer.EndWellAsync();
        var left = await Host.KernelStateAsync();
        if (!left.IsEmpty)
            throw new LabException($"The balancers left something behind: {left}");
        await ForgetBalancersAsync();
        if (_hostIsSpent)
            await RenewAsync();
    }

    /// <summary>Takes a new host, so that what a failed spec left fails no other. A kept lab keeps both.</summary>
    internal async Task RenewAsync()
    {
        var former = Host;
        _hostIsSpent = false;
        Host = new BalancerHost(_network, NextName("host"));
        await Host.StartAsync();
        await SetUpAsync(Host);
        if (LabRun.IsKept)
        {
            _balancers.Clear();
            _backNetworks.Clear();
            _routedNetworks.Clear();
        }
        else
        {
            await ForgetBalancersAsync();
            await former.DisposeAsync();
        }
    }

    async Task ForgetBalancersAsync()
    {
        await Task.WhenAll(_balancers.Select(balancer => balancer.DisposeAsync().AsTask()));
        _balancers.Clear();
        foreach (var back in _backNetworks)
            await back.DisposeAsync();
        _backNetworks.Clear();
        foreach (var routed in _routedNetworks)
            await routed.DisposeAsync();
        _routedNetworks.Clear();
    }

    /// <summary>The cleaner of the engine removes what is there: it knows all of it by its labels.</summary>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    async Task<Output> RunToEndAsync(BalancerPlan plan, params string[] command)
    {
        var balancer = NewBalancer(plan, command);
        await balancer.StartAsync();
        return await balancer.EndedAsync();
    }

    Balancer NewBalancer(BalancerPlan plan, params string[] command)
    {
        var balancer = new Balancer(_network, Host, NextName("balancer"), Hook, plan, command);
        _balancers.Add(balancer);
        return balancer;
    }

    /// <summary>Gives the engine's end of a host's link an XDP program that passes everything.</summary>
    private protected async Task PassAllToAsync(BalancerHost host, string name = BalancerHost.Interface)
    {
        await using var sidecar = await StartAsync(NetnsSidecar.AtEngine(_network, NextName("sidecar")));
        await sidecar.PassAllAsync(await host.PeerIndexAsync(name));
    }

    static async Task<T> StartAsync<T>(T role) where T : Role
    {
        await role.StartAsync();
        return role;
    }

    async Task<T> StartDirectAsync<T>(T role) where T : Role
    {
        await role.StartAsync();
        await using var tools = await StartAsync(new Toolbox(_network, NextName("tools"), role));
        await tools.OwnAsync(Host.Addresses);
        return role;
    }

    string NextName(string role) => $"{role}-{Interlocked.Increment(ref _names)}";
}
