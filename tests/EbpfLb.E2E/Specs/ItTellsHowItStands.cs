using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Telemetry;

namespace EbpfLb.E2E.Specs;

/// <summary>Its commands tell what is at work, what is wrong with a configuration, and what a machine can do.</summary>
public abstract class ItTellsHowItStands(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Status_names_the_hook_the_services_and_their_backends()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B), Service.Dns(Lab.C));

        var status = await balancer.StatusAsync();

        Assert.True(status.Running);
        Assert.Equal(Lab.Hook, status.Hook);
        Assert.Equal(
            [.. Everywhere("dns", balancer, 53, "/udp"), .. Everywhere("web", balancer, 80, "/tcp")],
            status.Services.SelectMany(service => service.Listen.Select(listen => $"{service.Name} {listen}")).Order());
        Assert.Equal(
            [
                .. Everywhere(Lab.A.Name, Lab.A, 80), .. Everywhere(Lab.B.Name, Lab.B, 80),
                .. Everywhere(Lab.C.Name, Lab.C, 53),
            ],
            status.Backends.Select(backend => $"{backend.Name} {backend.Address}").Order());

        static IEnumerable<string> Everywhere(string name, Role role, int port, string protocol = "") =>
            role.Addresses.At(port).Select(endpoint => $"{name} {endpoint}{protocol}").Order();
    }

    [Fact]
    public async Task Status_counts_opened_and_live_flows()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A));
        await Lab.Client.GetAsync(balancer, times: 3);

        await using var connection = await Lab.Client.ConnectAsync(balancer, fromPort: 20003);
        await connection.GetAsync("/held");

        var status = await Eventually.That(
            "of four flows one is left", balancer.StatusAsync, seen => seen.Flows == 1, Soon);
        var backend = status.Backends.Single(backend => backend.Address == $"{Lab.A.Address}:80");
        Assert.Equal((4, 1), (backend.Traffic.Opened, backend.Flows));
    }

    [Fact]
    public async Task Status_tells_when_nothing_is_attached()
    {
        var output = await Lab.StatusAsync();

        Assert.True(output.Succeeded, $"{output}");
        Assert.Empty(BalancerStatus.ParseAll(output.Stdout));
    }

    [Fact]
    public async Task Check_reports_every_error_of_a_file_at_once()
    {
        var output = await Lab.CheckAsync(new BalancerPlan(
            Service.Web(Lab.A) with { Port = 70000 }, Service.Dns(Lab.B) with { Protocol = "sctp" }));

        Assert.Equal(2, output.ExitCode);
        Assert.Collection(output.Faults,
            fault => Assert.Contains("70000", fault, StringComparison.Ordinal),
            fault => Assert.Contains("sctp", fault, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Check_accepts_a_valid_file()
    {
        var output = await Lab.CheckAsync(new BalancerPlan(Service.Web(Lab.A, Lab.B), Service.Dns(Lab.C)));

        Assert.True(output.Succeeded, $"{output}");
        Assert.Empty(output.Faults);
    }

    [Fact]
    public async Task Doctor_finds_that_the_hook_can_run_here()
    {
        var output = await Lab.ExamineAsync();

        Assert.True(output.Succeeded, $"{output}");
        Assert.Matches($"(?m)^ok +hook {Lab.Hook} ", output.Stdout);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : ItTellsHowItStands(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : ItTellsHowItStands(lab);
}
