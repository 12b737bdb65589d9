using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>
/// A network behind a router, whose servers own the host's addresses as well: what is tunnelled to them they answer by
/// the router, past the host.
/// </summary>
public sealed class RoutedNetwork : IAsyncDisposable
{
    readonly LabNetwork _network;
    readonly BalancerHost _host;
    readonly Gateway _router;
    readonly List<Role> _members = [];
    Addresses _behind = Addresses.None;

    RoutedNetwork(LabNetwork network, BalancerHost host, Gateway router) => (_network, _host, _router) = (network, host, router);

    internal static async Task<RoutedNetwork> MakeAsync(LabNetwork front, string name, BalancerHost host)
    {
        var network = front.Beside(name);
        network.Family = front.Family;
        await network.CreateAsync();
        var made = new RoutedNetwork(network, host, new Gateway(front, $"{name}-router"));
        await made._router.StartAsync();
        await network.ConnectAsync(made._router.Id);
        made._behind = await network.AddressesOfAsync(made._router.Id);
        return made;
    }

    /// <summary>Starts a web server there.</summary>
    public Task<Backend> StartBackendAsync(string name) => StartAsync(new Backend(_network, name, direct: true));

    /// <summary>Starts a web server of large files there.</summary>
    public Task<FileServer> StartFileServerAsync(string name) => StartAsync(new FileServer(_network, name, direct: true));

    /// <summary>Starts a server of small protocols there.</summary>
    public Task<SocketServer> StartSocketServerAsync(string name) => StartAsync(new SocketServer(_network, name, direct: true));

    /// <summary>Has one of the servers take outer headers off.</summary>
    public async Task<Decapsulator> DecapsulateAsync(Role server)
    {
        var decapsulator = new Decapsulator(_network, $"{server.Name}-decapsulator", server);
        _members.Add(decapsulator);
        await decapsulator.BecomeReadyAsync();
        return decapsulator;
    }

    /// <summary>Removes all of it, and the host's ways there.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members.AsEnumerable().Reverse())
        {
            if (member is not Decapsulator)
                await EachWayAsync("del", member);
            await member.DisposeAsync();
        }
        await _router.DisposeAsync();
        await _network.DisposeAsync();
    }

    async Task<T> StartAsync<T>(T server) where T : Role
    {
        _members.Add(server);
        await server.StartAsync();
        await EachWayAsync("add", server);
        await using var tools = new Toolbox(_network, $"{server.Name}-tools", server);
        await tools.StartAsync();
        await tools.OwnAsync(_host.Addresses);
        await tools.LeaveByAsync(_behind);
        return server;
    }

    async Task EachWayAsync(string verb, Role server)
    {
        foreach (var (to, via) in server.Addresses.At(0).Zip(_router.Addresses.At(0)))
            await _host.ShellAsync("ip route \"$1\" \"$2\" via \"$3\"", verb, to.Address, via.Address);
    }
}
