using System.Net;
using EbpfLb.Hosting;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using EbpfLb.Unit.Reconcile;

namespace EbpfLb.Unit.Hosting;

[Collection(Lanes.Patient)]
public sealed class ChangesOfBackendsAreLogged
{
    [Fact]
    public void Added_backends() => Assert.Equal(
        ["web: added 10.0.0.3:80 (b), [fd00::4]:80"], Changes(Web(("10.0.0.2", "a", 1)), Web(("10.0.0.2", "a", 1), ("fd00::4", "fd00::4", 1), ("10.0.0.3", "b", 1))));

    [Theory]
    [InlineData(0, "no flow is left", "no flow is left")]
    [InlineData(1, "1 flow drains for up to 30s", "1 flow ends now")]
    [InlineData(3, "3 flows drain for up to 30s", "3 flows end now")]
    public void Removed_backends_with_their_flows(int flows, string drain, string none)
    {
        var (both, neither) = (Web(("10.0.0.3", "10.0.0.3", 1), ("10.0.0.2", "10.0.0.2", 1)), Web());

        Assert.Equal([$"web: removed 10.0.0.2:80, 10.0.0.3:80; {drain}"], Changes(both, neither, Flows()));
        Assert.Equal([$"web: removed 10.0.0.2:80, 10.0.0.3:80; {none}"],
            Changes(both, neither.With(service => service with { Drain = TimeSpan.Zero }), Flows()));

        (string, int)[] Flows() => flows == 3 ? [("10.0.0.2", 1), ("10.0.0.3", 2)] : [("10.0.0.3", flows)];
    }

    [Fact]
    public void Weights() => Assert.Equal(
        ["web: weight 3 for 10.0.0.2:80 (a), which had 1; 0 for 10.0.0.3:80 (b), which had 2"],
        Changes(Web(("10.0.0.2", "a", 1), ("10.0.0.3", "b", 2)), Web(("10.0.0.2", "a", 3), ("10.0.0.3", "b", 0))));

    [Fact]
    public void Backends_of_a_removed_service() => Assert.Equal(
        ["web: removed 10.0.0.2:80 (a); 2 flows drain for up to 30s"],
        BackendChanges.Describe([Web(("10.0.0.2", "a", 1))], [], Counted("web", ("10.0.0.2", 2))));

    [Fact]
    public void A_renamed_service_keeps_its_backends()
    {
        var (before, now) = (Web(("10.0.0.2", "a", 1), ("10.0.0.3", "b", 1)), Web(("10.0.0.2", "a", 1)).With(service => service with { Name = "shop" }));

        Assert.Equal(["shop: removed 10.0.0.3:80 (b); 2 flows drain for up to 30s"],
            BackendChanges.Describe([before], [now], Counted("shop", ("10.0.0.3", 2))));
    }

    [Fact]
    public void A_new_service_with_the_endpoint_of_one_that_stays_is_not_that_one()
    {
        var (web, shop) = (Web(("10.0.0.2", "a", 1)), Web(("10.0.0.3", "b", 1)).With(service => service with { Name = "shop" }));
        var moved = web.With(service => service with { Listen = service.Listen with { Port = 81 } });

        Assert.Equal(["shop: added 10.0.0.3:80 (b)"], BackendChanges.Describe([web], [shop, moved], Counted("web")));
    }

    [Fact]
    public void Flows_are_counted_by_service_and_backend()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var (a, b) = (new BackendSnapshot(Hosts.Ip4.BackendA, 80, 1, "a"), new BackendSnapshot(Hosts.Ip4.BackendB, 80, 0, "b"));
        new Reconciler(lb.Tables).Apply([Snapshots.Web(a, b)], [Hosts.Ip4.Balancer]);
        lb.Receive(Some.Syn(Hosts.Ip4));
        new Reconciler(lb.Tables).Apply([], [Hosts.Ip4.Balancer]);

        var flows = BackendChanges.CountFlows(lb.Tables);

        Assert.Equal((1, 0), (flows[new("web", a.EndPoint)], flows[new("web", b.EndPoint)]));
    }

    [Fact]
    public async Task A_running_balancer_logs_them()
    {
        Capabilities.RequireDatapath();
        var (machine, file) = (new Machine(), Path.GetTempFileName());
        Configure("[ 10.9.3.1, 10.9.3.2 ]");
        using var runner = new RunnerProcess(machine, "--config", file);
        await runner.UntilAsync("ready: ");

        Configure("[ 10.9.3.2, 10.9.3.3 ]");

        await runner.UntilAsync("web: added 10.9.3.3:80");
        await runner.UntilAsync("web: removed 10.9.3.1:80; no flow is left");
        File.Delete(file);

        void Configure(string backends) => File.WriteAllText(
            file, $"interface: {Machine.Interface}\nhook: tc\nservices: [ {{ name: web, listen: ':80', backends: {backends} }} ]\n");
    }

    [Fact]
    public void Health_and_order_are_no_change()
    {
        var before = Web(("10.0.0.2", "a", 1), ("10.0.0.3", "b", 1));
        var now = before with { Backends = [.. before.Backends.Reverse().Select(backend => backend with { Health = BackendHealth.Down })] };

        Assert.Empty(Changes(before, now));
    }

    static IEnumerable<string> Changes(ServiceSnapshot before, ServiceSnapshot now, params (string Address, int Flows)[] flows) =>
        BackendChanges.Describe([before], [now], Counted("web", flows));

    static Lazy<IReadOnlyDictionary<CheckedBackend, long>> Counted(string service, params (string Address, int Flows)[] flows) => new(
        () => flows.ToDictionary(one => new CheckedBackend(service, new(IPAddress.Parse(one.Address), 80)), one => (long)one.Flows));

    static ServiceSnapshot Web(params (string Address, string Host, int Weight)[] backends) =>
        Snapshots.Web(backends.Select(backend => new BackendSnapshot(IPAddress.Parse(backend.Address), 80, backend.Weight, backend.Host)));
}
