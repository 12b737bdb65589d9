using System.Net;
using EbpfLb.Hosting;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Hosting;

public sealed class ChangesOfBackendsAreLogged
{
    [Fact]
    public void Added_backends() => Assert.Equal(
        ["web: added 10.0.0.3:80 (b), [fd00::4]:80"], Changes(Web(("10.0.0.2", "a", 1)), Web(("10.0.0.2", "a", 1), ("fd00::4", "fd00::4", 1), ("10.0.0.3", "b", 1))));

    [Fact]
    public void Removed_backends_with_their_drain_time()
    {
        Assert.Equal(["web: removed 10.0.0.2:80 (a); its flows drain for up to 30s"], Changes(Web(("10.0.0.2", "a", 1)), Web()));
        Assert.Equal(["web: removed 10.0.0.2:80, 10.0.0.3:80; their flows end now"],
            Changes(Web(("10.0.0.3", "10.0.0.3", 1), ("10.0.0.2", "10.0.0.2", 1)), Web().With(service => service with { Drain = TimeSpan.Zero })));
    }

    [Fact]
    public void Weights() => Assert.Equal(
        ["web: weight 3 for 10.0.0.2:80 (a), which had 1; 0 for 10.0.0.3:80 (b), which had 2"],
        Changes(Web(("10.0.0.2", "a", 1), ("10.0.0.3", "b", 2)), Web(("10.0.0.2", "a", 3), ("10.0.0.3", "b", 0))));

    [Fact]
    public void Backends_of_a_removed_service() => Assert.Equal(
        ["web: removed 10.0.0.2:80 (a); its flows drain for up to 30s"], BackendChanges.Describe([Web(("10.0.0.2", "a", 1))], []));

    [Fact]
    public void Health_and_order_are_no_change()
    {
        var before = Web(("10.0.0.2", "a", 1), ("10.0.0.3", "b", 1));
        var now = before with { Backends = [.. before.Backends.Reverse().Select(backend => backend with { Health = BackendHealth.Down })] };

        Assert.Empty(Changes(before, now));
    }

    static IEnumerable<string> Changes(ServiceSnapshot before, ServiceSnapshot now) => BackendChanges.Describe([before], [now]);

    static ServiceSnapshot Web(params (string Address, string Host, int Weight)[] backends) =>
        Snapshots.Web(backends.Select(backend => new BackendSnapshot(IPAddress.Parse(backend.Address), 80, backend.Weight, backend.Host)));
}
