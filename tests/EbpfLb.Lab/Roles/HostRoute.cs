namespace EbpfLb.Lab.Roles;

/// <summary>A host's own way to someone, by a route that is not as usual until this is disposed.</summary>
public sealed class HostRoute : IAsyncDisposable
{
    readonly BalancerHost _host;
    readonly string _route;

    HostRoute(BalancerHost host, string route) => (_host, _route) = (host, route);

    /// <summary>It takes smaller packets only, as a narrow link of the host's own does.</summary>
    internal static Task<HostRoute> NarrowAsync(BalancerHost host, Role to, int mtu) =>
        MakeAsync(host, $"{to.Address} dev {BalancerHost.Interface} mtu lock {mtu}");

    /// <summary>It is gone.</summary>
    internal static Task<HostRoute> LoseAsync(BalancerHost host, Role to) => MakeAsync(host, $"unreachable {to.Address}");

    static async Task<HostRoute> MakeAsync(BalancerHost host, string route)
    {
        await host.ShellAsync("ip route add $1", route);
        return new HostRoute(host, route);
    }

    public async ValueTask DisposeAsync() => await _host.ShellAsync("ip route del $1", _route);
}
