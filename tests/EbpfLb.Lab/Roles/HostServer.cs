namespace EbpfLb.Lab.Roles;

/// <summary>A server on a balancer's host, of no service: it answers each connection with the host's name.</summary>
public sealed class HostServer : IAsyncDisposable
{
    readonly BalancerHost _host;
    readonly string _process;

    HostServer(BalancerHost host, string process) => (_host, _process) = (host, process);

    internal static async Task<HostServer> StartAsync(BalancerHost host, int port)
    {
        var process = await host.ShellAsync(
            "socat \"TCP-LISTEN:$1,fork,reuseaddr\" EXEC:hostname >/dev/null 2>&1 & echo $!", port);
        await Eventually.That($"{host.Name} serves port {port}",
            () => host.ShellAsync("ss --listening --tcp --numeric --no-header \"sport = :$1\"", port),
            sockets => sockets.Length > 0, TimeSpan.FromSeconds(20));
        return new HostServer(host, process.Trim());
    }

    /// <summary>Ends the server.</summary>
    public async ValueTask DisposeAsync() => await _host.ShellAsync("kill \"$1\"", _process);
}
