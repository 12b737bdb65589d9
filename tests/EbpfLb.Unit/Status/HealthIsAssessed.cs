using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using EbpfLb.Unit.Reconcile;

namespace EbpfLb.Unit.Status;

/// <summary>An engine that moves addresses asks whether this balancer should hold them.</summary>
public sealed class HealthIsAssessed
{
    static readonly TrafficStatus NoTraffic = new(0, 0, 0, 0, 0);

    static readonly InstanceStatus Balancing = new()
    {
        Interface = "eth0",
        Interfaces = ["eth0"],
        Hook = "tc",
        Why = "as configured",
        Running = true,
        Flows = 0,
        RoomForFlows = 1024,
        TablesVersion = 11,
        Packets = new Dictionary<string, ulong>(),
        Services = [Service("web", Backend("up"), Backend("unchecked"), Backend("draining", weight: 0)), Service("mail", Backend("down", weight: 0))],
    };

    [Theory]
    [InlineData("web", null, true, "service 'web' has 2 backends that take new flows")]
    [InlineData("web", 2, true, "service 'web' has 2 backends that take new flows")]
    [InlineData("web", 3, false, "service 'web' has 2 backends that take new flows, and 3 are needed")]
    [InlineData("mail", null, false, "service 'mail' has no backend that takes new flows, and 1 is needed")]
    [InlineData("mail", 0, true, "balancing on eth0, although service 'mail' has no backend that takes new flows")]
    [InlineData(null, null, true, "balancing on eth0")]
    [InlineData(null, 1, false, "service 'mail' has no backend that takes new flows, and 1 is needed")]
    [InlineData("wbe", null, false, "no service is named 'wbe'; there are: web, mail")]
    public void A_service_needs_backends_that_take_new_flows(string? service, int? minBackends, bool isHealthy, string reason)
    {
        var health = BalancerHealth.Assess(new([Balancing], []), service, minBackends);

        Assert.Equal((isHealthy, reason), (health.Healthy, health.Reason));
    }

    /// <summary>When all are down, all may be tried (<c>when-all-down</c>): that is no reason to take an address.</summary>
    [Fact]
    public void A_backend_that_is_down_does_not_count_even_if_it_is_tried()
    {
        var tried = Balancing with { Services = [Service("web", Backend("down"), Backend("down"))] };

        Assert.False(BalancerHealth.Assess(new([tried], []), "web", null).Healthy);
    }

    [Fact]
    public void A_balancer_that_withdraws_is_unhealthy() => AssertUnhealthy(
        Balancing with { WithdrawSeconds = 4 }, "the balancer on eth0 withdraws, and ends in 4 s");

    [Fact]
    public void A_balancer_without_its_process_is_unhealthy() => AssertUnhealthy(
        Balancing with { Running = false }, "no runner process on eth0: packets are still balanced, without health checks or updates. Start it again");

    /// <summary>A cgroup concerns clients on this machine, and the addresses those on others.</summary>
    [Fact]
    public void A_missing_cgroup_moves_no_address()
    {
        var instance = Balancing with { LostCgroups = ["/web"] };

        Assert.True(BalancerHealth.Assess(new([instance], []), null, null).Healthy);
        Assert.Equal(["cgroup /web is gone: nothing in it is balanced"], instance.Problems);
    }

    [Fact]
    public void A_balancer_without_its_interface_is_unhealthy() => AssertUnhealthy(
        Balancing with { Interfaces = [], Lost = ["eth0"] }, "interface eth0 is gone: no traffic is balanced");

    [Fact]
    public void Another_instance_that_cannot_be_read_concerns_no_named_service()
    {
        var snapshot = new StatusSnapshot([Balancing], ["what is attached to eth1 is of another version."]);

        Assert.True(BalancerHealth.Assess(snapshot, "web", null).Healthy);
        Assert.False(BalancerHealth.Assess(snapshot, null, null).Healthy);
        Assert.Equal("what is attached to eth1 is of another version", BalancerHealth.Assess(snapshot, "dns", null).Reason);
    }

    [Fact]
    public async Task The_command_prints_a_sentence_and_exits_with_0_or_1()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        var nothing = $"unhealthy: {StatusSnapshot.NothingAttached.TrimEnd('.')}\n";
        Assert.Equal((1, nothing, ""), machine.Type("healthy"));
        using var runner = new RunnerProcess(machine,
            "--interface", Machine.Interface, "--hook", "tc", "--listen", ":80", "--backend", "10.9.3.1", "--backend", "10.9.3.2");
        await runner.UntilAsync("ready: ");

        Assert.Equal((0, "healthy: service 'tcp-80' has 2 backends that take new flows\n", ""), machine.Type("healthy --service tcp-80"));
        Assert.Equal(
            (1, "unhealthy: service 'tcp-80' has 2 backends that take new flows, and 3 are needed\n", ""),
            machine.Type("healthy --service tcp-80 --min-backends 3"));
        var (code, json, _) = machine.Type("healthy --json");
        Assert.Equal(0, code);
        Assert.Equal(
            """
            {
              "healthy": true,
              "reason": "service 'tcp-80' has 2 backends that take new flows",
              "services": [
                {
                  "name": "tcp-80",
                  "backends": 2
                }
              ]
            }

            """, json);
        Assert.Equal(
            (2, "", "error: --min-backends: 'all' is not a number of backends. Use a whole number from 0 on. See 'ebpf-lb healthy --help'.\n"),
            machine.Type("healthy --min-backends all"));
    }

    static void AssertUnhealthy(InstanceStatus status, string reason)
    {
        var (named, whole) = (BalancerHealth.Assess(new([status], []), "web", null), BalancerHealth.Assess(new([status], []), null, null));

        Assert.Equal((false, reason), (named.Healthy, named.Reason));
        Assert.Equal((false, reason), (whole.Healthy, whole.Reason));
    }

    static ServiceStatus Service(string name, params BackendStatus[] backends) => new(name, ["10.7.0.1:80/tcp"], "nat", 0, NoTraffic, backends);

    static BackendStatus Backend(string state, int weight = 1) => new("a", "10.7.0.11:80", state, null, weight, 0, NoTraffic);
}
