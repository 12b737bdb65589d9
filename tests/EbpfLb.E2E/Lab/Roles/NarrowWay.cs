namespace EbpfLb.E2E.Lab.Roles;

/// <summary>A way of a host to someone that takes smaller packets only, as a narrow link of its own does.</summary>
public sealed class NarrowWay : IAsyncDisposable
{
    readonly BalancerHost _host;
    readonly Role _to;

    NarrowWay(BalancerHost host, Role to) => (_host, _to) = (host, to);

    internal static async Task<NarrowWay> MakeAsync(BalancerHost host, Role to, int mtu)
    {
        await host.ShellAsync(
            "ip route add \"$1\" dev \"$2\" mtu lock \"$3\"", to.Address, BalancerHost.Interface, mtu);
        return new NarrowWay(host, to);
    }

    public async ValueTask DisposeAsync() =>
        await _host.ShellAsync("ip route del \"$1\" dev \"$2\"", _to.Address, BalancerHost.Interface);
}
