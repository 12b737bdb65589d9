using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>An interface that the engine takes away is missed at once, and balanced on again when it is back.</summary>
public abstract class InterfacesComeAndGo(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Requests_succeed_again_after_the_engine_reconnects_the_host()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await Lab.Client.GetAsync(balancer, times: 2);
        Assert.True((await balancer.CheckStatusAsync()).Succeeded);

        await Lab.DisconnectHostAsync();
        var gone = await balancer.CheckStatusAsync();
        await Lab.ConnectHostAsync();
        await Eventually.That("the interface is attached again", balancer.CheckStatusAsync, seen => seen.Succeeded, Soon);

        Assert.Equal(1, gone.ExitCode);
        Assert.Contains("error: interface eth0 is gone: no traffic is balanced", gone.Stderr, StringComparison.Ordinal);
        var answers = await Lab.Client.GetAsync(balancer, times: 20);
        Turns.AssertExact(answers.Select(answer => answer.Server), Lab.A, Lab.B);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : InterfacesComeAndGo(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : InterfacesComeAndGo(lab);
}
