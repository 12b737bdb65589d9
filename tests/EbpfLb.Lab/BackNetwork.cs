using System.Net;
using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>
/// A second network of the balancers' host, behind it. Who is on it has no way to anybody else: not to clients, whose
/// network it does not know.
/// </summary>
public sealed class BackNetwork : IAsyncDisposable
{
    readonly LabNetwork _network;
    readonly BalancerHost _host;
    readonly List<Role> _members = [];
    Addresses _addresses = Addresses.None;

    BackNetwork(LabNetwork network, BalancerHost host) => (_network, _host) = (network, host);

    /// <summary>The host's interface there.</summary>
    public string Interface { get; private set; } = "";

    /// <summary>The host's address there, of the family that is spoken at present.</summary>
    public IPAddress Address => _addresses[_network.Family];

    internal static async Task<BackNetwork> MakeAsync(LabEngine engine, string name, BalancerHost host, Family family)
    {
        var back = new BackNetwork(new LabNetwork(engine, name, isClosed: true) { Family = family }, host);
        await back._network.CreateAsync();
        await back._network.ConnectAsync(host.Id);
        back._addresses = await back._network.AddressesOfAsync(host.Id);
        back.Interface = await host.InterfaceOfAsync(back._addresses.V4);
        return back;
    }

    /// <summary>Starts a web server there.</summary>
    public Task<Backend> StartBackendAsync(string name) => StartAsync(new Backend(_network, name));

    /// <summary>Starts a web server of large files there.</summary>
    public Task<FileServer> StartFileServerAsync(string name) => StartAsync(new FileServer(_network, name));

    /// <summary>Starts a server of small protocols there.</summary>
    public Task<SocketServer> StartSocketServerAsync(string name) => StartAsync(new SocketServer(_network, name));

    /// <summary>Puts a router with a narrow link between the host and someone there.</summary>
    /// <param name="mtu">The largest IP packet that gets through, in bytes.</param>
    public async Task NarrowPathAsync(Role to, int mtu)
    {
        var router = await StartAsync(new Router(_network, "router", _host, to));
        await router.LeadAsync(mtu);
    }

    /// <summary>Takes the host off the network, and removes it with all who are on it.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members.AsEnumerable().Reverse())
            await member.DisposeAsync();
        await _network.DisconnectAsync(_host.Id);
        await _network.DisposeAsync();
    }

    async Task<T> StartAsync<T>(T member) where T : Role
    {
        _members.Add(member);
        await member.StartAsync();
        return member;
    }
}
