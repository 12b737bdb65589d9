using EbpfLb.Lab;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>A balancer that is asked to end leaves the machine as it found it.</summary>
public abstract class ItDetachesCleanly(HookLab lab) : Spec(lab)
{
    [Theory]
    [InlineData("SIGTERM")]
    [InlineData("SIGINT")]
    public async Task After_the_signal_hook_maps_and_pins_are_gone(string signal)
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        var before = await Lab.Host.KernelStateAsync();

        var ended = await balancer.EndAsync(signal);

        Assert.True(ended.Succeeded, $"{ended}");
        await before.AssertIsGoneAsync(Lab.Host);
    }

    [Fact]
    public async Task Afterwards_the_machines_network_works_as_before()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await Lab.Client.GetAsync(balancer, times: 4);

        await balancer.EndAsync();

        Assert.Equal(ProbeResult.Refused, (await Lab.Client.ProbeTcpAsync(Lab.Host, port: 80)).Result);
        Assert.Equal(5, await Lab.Client.PingAsync(Lab.Host, times: 5));
        Assert.Equal(Lab.A.Name, (await Lab.Host.GetAsync(Lab.A)).Server);
        await using var server = await Lab.Host.ServeAsync(port: 80);
        Assert.Equal(Lab.Host.Name, await Lab.Client.HearFromAsync(Lab.Host, port: 80));
    }

    [Fact]
    public async Task Another_balancer_can_follow()
    {
        var former = await Lab.BalanceAsync(Service.Web(Lab.A));
        await former.EndAsync();
        var next = await Lab.BalanceAsync(Service.Web(Lab.B));

        var answer = await Lab.Client.GetAsync(next);

        Assert.Equal(Lab.B.Name, answer.Server);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : ItDetachesCleanly(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : ItDetachesCleanly(lab);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : ItDetachesCleanly(lab);
}
