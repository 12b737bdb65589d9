using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Bench.Peers.Subjects;
using EbpfLb.Lab;
using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers;

/// <summary>One client, two servers, and all subjects at once beside them: those that are not asked for anything idle.</summary>
sealed class PeerLab : IAsyncDisposable
{
    readonly LabNetwork _network;
    readonly Server _one, _other;

    PeerLab(LabEngine engine, string image)
    {
        _network = new LabNetwork(engine, "peers");
        Client = new LoadClient(_network, "client", image);
        (_one, _other) = (new Server(_network, "server-one", image), new Server(_network, "server-other", image));
        Subjects =
        [
            new Direct(),
            new Subjects.EbpfLb(_network, Names.Tc, "tc", "nat"),
            new Subjects.EbpfLb(_network, Names.GenericXdp, "xdp-generic", "nat"),
            new Subjects.EbpfLb(_network, Names.Dsr, "tc", "dsr"),
            new Nftables(_network, image),
            new HaProxy(_network, image),
            new NginxStream(_network, image),
        ];
    }

    public LoadClient Client { get; }

    /// <summary>In the order in which they take their turns.</summary>
    public IReadOnlyList<Subject> Subjects { get; }

    /// <summary>Starts all of it. Where that fails, the engine's cleaner removes what has been started.</summary>
    public static async Task<PeerLab> StartAsync(LabEngine engine)
    {
        var lab = new PeerLab(engine, await LabImages.BuildAsync("bench", "bench"));
        await lab._network.CreateAsync();
        await Task.WhenAll(lab.Ends.Select(role => role.StartAsync()));
        foreach (var subject in lab.Subjects)
            await subject.StartAsync();
        await lab.ShareAsync(lab._one);
        await lab.ShareAsync(lab._other);
        foreach (var subject in lab.Subjects)
            await subject.BalanceAsync(lab._one, lab._other);
        return lab;
    }

    /// <summary>Removes all of it.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var subject in Subjects)
            await subject.DisposeAsync();
        foreach (var role in Ends)
            await role.DisposeAsync();
        await _network.DisposeAsync();
    }

    Role[] Ends => [Client, _one, _other];

    /// <summary>Has a server own what balancers in mode dsr are called, and serve.</summary>
    async Task ShareAsync(Server server)
    {
        var shared = Subjects.SelectMany(subject => subject.Shared).ToList();
        await using var tools = new Toolbox(_network, $"{server.Name}-tools", server);
        await tools.StartAsync();
        foreach (var addresses in shared)
            await tools.OwnAsync(addresses);
        await server.ServeAsync(shared);
    }
}
