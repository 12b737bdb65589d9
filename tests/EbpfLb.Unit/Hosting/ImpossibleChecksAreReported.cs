using EbpfLb.Doctor;
using EbpfLb.Hosting;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using EbpfLb.Unit.Reconcile;

namespace EbpfLb.Unit.Hosting;

/// <summary>Checks through a tunnel need a capability that the datapath does not need.</summary>
[Collection(Lanes.Patient)]
public sealed class ImpossibleChecksAreReported
{
    static readonly ServiceSnapshot Web = Snapshots.Web().With(service => service with { Health = new() { Tunnel = true } });

    [Fact]
    public void A_service_whose_checks_need_a_missing_capability()
    {
        var problem = Assert.Single(Preflight.FindImpossibleChecks([Web], capabilities: 1ul << (int)Capability.NetAdmin));

        Assert.StartsWith("health checks of service 'web' through the tunnel need CAP_NET_RAW, which this process lacks: "
            + "the state of its backends does not change. In a container add the capability NET_RAW;", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void None_if_the_capability_is_held() =>
        Assert.Empty(Preflight.FindImpossibleChecks([Web], capabilities: 1ul << (int)Capability.NetRaw));

    [Theory, InlineData(true), InlineData(false)]
    public void None_if_no_check_goes_through_a_tunnel(bool isChecked) =>
        Assert.Empty(Preflight.FindImpossibleChecks([Snapshots.Web().With(service => service with { Health = isChecked ? new() : null })], capabilities: 0));

    [Fact]
    public async Task The_runner_logs_it_at_the_start()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        string[] flags = ["--interface", Machine.Interface, "--hook", "tc", "--listen", "10.9.0.77:80", "--mode", "tunnel",
            "--backend", "10.9.3.1", "--health", "tcp", "--health", "tunnel"];

        using var runner = RunnerProcess.Without("net_raw", machine, flags);

        await runner.UntilAsync("warning: health checks of service 'tcp-10.9.0.77-80' through the tunnel need CAP_NET_RAW");
    }
}
