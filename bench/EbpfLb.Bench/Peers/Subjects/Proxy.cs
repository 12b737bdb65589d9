using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Subjects;

/// <summary>A process that takes each connection and opens another one to a server.</summary>
abstract class Proxy(LabNetwork network, string name, string image, string role, string[] command) : Subject(name)
{
    ProxyServer? _server;

    public override IReadOnlyList<Role> Targets => [Running];

    private protected ProxyServer Running => _server ?? throw new LabException($"{Name} does not run yet");

    /// <summary>The configuration file.</summary>
    private protected abstract string FileFor(Server one, Server other);

    public override Task BalanceAsync(Server one, Server other)
    {
        _server = new ProxyServer(network, role, image, command, FileFor(one, other));
        return _server.StartAsync();
    }

    public override ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    public override async Task<double?> BytesForAsync(int connections) => await Running.GrownBytesAsync();
}
