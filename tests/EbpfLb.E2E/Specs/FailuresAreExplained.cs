using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// Where it cannot balance, it says why in a sentence, ends with an exit code that a script can tell,
/// and has changed nothing.
/// </summary>
public abstract class FailuresAreExplained(HookLab lab) : Spec(lab)
{
    [Fact]
    public Task A_missing_privilege() => IsExplained(Runtime,
        new BalancerPlan(Service.Web(Lab.A)) { IsPrivileged = false }, "CAP_");

    [Fact]
    public Task An_interface_that_does_not_exist() => IsExplained(Runtime,
        new BalancerPlan(Service.Web(Lab.A)) { Interface = "nosuch0" }, "nosuch0");

    [Fact]
    public Task Native_xdp_on_a_veth_whose_peer_drops_what_it_sends() => IsExplained(Runtime,
        new BalancerPlan(Service.Web(Lab.A)) { Hook = "xdp-native" }, "ethtool");

    [Fact]
    public Task A_backend_name_that_does_not_resolve() => IsExplained(Runtime,
        new BalancerPlan(Service.OfNobody), Service.OfNobody.Backends[0]);

    [Fact]
    public Task A_port_out_of_range() => IsExplained(Configuration,
        new BalancerPlan(Service.Web(Lab.A) with { Port = 70000 }), "70000");

    [Fact]
    public Task A_service_that_is_configured_twice() => IsExplained(Configuration,
        new BalancerPlan(Service.Web(Lab.A), Service.Web(Lab.B)), "web");

    [Fact]
    public Task A_file_that_is_no_yaml() => IsExplained(Configuration,
        new BalancerPlan { Configuration = "services: [ { name: web" }, Path.GetFileName(BalancerPlan.File));

    const int Runtime = 1, Configuration = 2;

    async Task IsExplained(int exitCode, BalancerPlan plan, string named)
    {
        var output = await Lab.TryToBalanceAsync(plan);

        Assert.Equal((exitCode, ""), (output.ExitCode, output.Stdout));
        Assert.Contains(output.Faults, fault => fault.Contains(named, StringComparison.Ordinal));
        Assert.True((await Lab.Host.KernelStateAsync()).IsEmpty);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : FailuresAreExplained(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : FailuresAreExplained(lab);
}
