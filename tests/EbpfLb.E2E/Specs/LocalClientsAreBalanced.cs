using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// Clients on the balancer's own host are balanced at their sockets. The socket programs are the same beside every hook:
/// tc alone.
/// </summary>
public abstract class LocalClientsAreBalanced(HookLab lab, Family family) : Spec(lab, family)
{
    static readonly TimeSpan LongestCheck = TimeSpan.FromSeconds(30);

    /// <summary>As long a timeout as there may be: a busy machine is not to take a server for a dead one.</summary>
    static readonly string[] Checks = ["http=/", "every=1s", "timeout=1s", "rise=1", "fall=3"];

    BalancerPlan PlanFor(LocalClient client, params Backend[] backends) =>
        new(Service.Web(backends), Service.Dns(Lab.NamesA, Lab.NamesB)) { Sockets = client.Cgroup };

    [Fact]
    public async Task Connections_and_questions_alternate_and_the_balancer_forwards_no_packet()
    {
        await using var client = await Lab.StartLocalClientAsync();
        var balancer = await Lab.BalanceAsync(PlanFor(client, Lab.A, Lab.B));

        var answers = await client.GetAsync(balancer, times: 10);
        var names = await client.AskWhoAsync(balancer, times: 10);

        Turns.AssertExact(answers.Select(answer => answer.Server), Lab.A, Lab.B);
        Turns.AssertExact(names, Lab.NamesA, Lab.NamesB);
        var status = await balancer.StatusAsync();
        Assert.Equal(0, status.Sent);
        Assert.Equal([10, 10], status.Services.Select(service => service.Traffic.Opened));
    }

    [Fact]
    public async Task A_client_outside_the_cgroup_is_left_alone()
    {
        await using var client = await Lab.StartLocalClientAsync();
        var balancer = await Lab.BalanceAsync(PlanFor(client, Lab.A));

        var inside = await client.GetAsync(balancer);
        var outside = await Lab.Host.ProbeTcpAsync(balancer, port: 80);

        Assert.Equal(Lab.A.Name, inside.Server);
        Assert.Equal(ProbeResult.Refused, outside.Result);
    }

    [Fact]
    public async Task Clients_elsewhere_are_balanced_beside_them()
    {
        await using var client = await Lab.StartLocalClientAsync();
        var balancer = await Lab.BalanceAsync(PlanFor(client, Lab.A, Lab.B));
        List<string> servers = [];

        for (var i = 0; i < 4; i++)
            servers.AddRange([(await client.GetAsync(balancer)).Server, (await Lab.Client.GetAsync(balancer)).Server]);

        Turns.AssertExact(servers, Lab.A, Lab.B);
    }

    [Fact]
    public async Task Changes_of_the_backends_hold_at_the_next_connect()
    {
        await using var client = await Lab.StartLocalClientAsync();
        var balancer = await Lab.BalanceAsync(PlanFor(client, Lab.A, Lab.B));
        await client.GetAsync(balancer, times: 2);

        await balancer.ReloadAsync(PlanFor(client, Lab.C));
        var answers = await client.GetAsync(balancer, times: 3);

        Assert.All(answers, answer => Assert.Equal(Lab.C.Name, answer.Server));
    }

    [Fact]
    public async Task A_death_costs_no_turn_and_a_clean_end_leaves_nothing()
    {
        await using var client = await Lab.StartLocalClientAsync();
        var plan = PlanFor(client, Lab.A, Lab.B);
        var former = await Lab.BalanceAsync(plan);

        var before = await client.GetAsync(former, times: 3);
        await former.KillAsync();
        var without = await client.GetAsync(former, times: 2);
        var balancer = await Lab.BalanceAsync(plan);
        var after = await client.GetAsync(balancer, times: 3);
        var attached = await Lab.Host.KernelStateAsync();
        await balancer.EndAsync();

        Turns.AssertExact(
            new[] { before, without, after }.SelectMany(answers => answers).Select(answer => answer.Server), Lab.A, Lab.B);
        await attached.AssertIsGoneAsync(Lab.Host);
        Assert.Equal(ProbeResult.Refused, (await client.ProbeTcpAsync(Lab.Host, port: 80)).Result);
    }

    [Fact]
    public async Task Connections_to_a_backend_that_went_down_are_aborted_and_those_of_others_go_on()
    {
        await using var client = await Lab.StartLocalClientAsync();
        var dying = await Lab.StartBackendAsync("mortal");
        var balancer = await Lab.BalanceAsync(new BalancerPlan(
            Service.Web(Lab.A, dying) with { Health = Checks, OnDown = "reset" },
            Service.Echo(Lab.A, dying) with { Health = [.. Checks, "port=80"] })
        { Sockets = client.Cgroup });
        await Eventually.That("all backends are up", balancer.StatusAsync,
            seen => seen.Backends.All(backend => backend.State == "up"), LongestCheck);
        await using var one = await client.ConnectAsync(balancer, Lab.TakePorts(1));
        await using var other = await client.ConnectAsync(balancer, Lab.TakePorts(1));
        await using var oneOfUdp = await client.ConnectUdpAsync(balancer, Lab.TakePorts(1));
        await using var otherOfUdp = await client.ConnectUdpAsync(balancer, Lab.TakePorts(1));
        var (lost, kept) = (await one.GetAsync("/who")).Server == dying.Name ? (one, other) : (other, one);
        Assert.Equal(Lab.A.Name, (await kept.GetAsync("/who")).Server);
        await Eventually.That("both UDP sockets are connected", () => balancer.FlowsAsync(),
            flows => flows.Count(flow => flow.Service == "echo") == 2, LongestCheck);

        await dying.PauseAsync();
        var ends = await Task.WhenAll(lost.WaitForEndAsync(), await Task.WhenAny(oneOfUdp.WaitForEndAsync(), otherOfUdp.WaitForEndAsync()));

        Assert.All(ends, end => Assert.Contains("Software caused connection abort", end, StringComparison.Ordinal));
        Assert.Equal(Lab.A.Name, (await kept.GetAsync("/still")).Server);
        Assert.Equal(
            [("echo", Lab.A.Name), ("web", Lab.A.Name)],
            (await balancer.FlowsAsync()).Select(flow => (flow.Service, flow.Backend)).Order());
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : LocalClientsAreBalanced(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : LocalClientsAreBalanced(lab, Family.IPv6);
}
