using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>The balancer is there at once, and hardly felt.</summary>
public abstract class ItIsLight(HookLab lab) : Spec(lab)
{
    const long Megabyte = 1_000_000;

    BalancerPlan Default => new(Service.Web(Lab.A, Lab.B)) { HasDefaultRoom = true };

    [Fact]
    public async Task It_is_ready_within_a_second_of_processor_time()
    {
        var balancer = await Lab.BalanceAsync(Default);

        var took = await balancer.ProcessorTimeAsync();

        Assert.InRange(took, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task It_holds_less_than_sixty_megabytes_of_memory()
    {
        var balancer = await Lab.BalanceAsync(Default);
        await Lab.Client.GetInParallelAsync(balancer, times: 200);

        var held = await balancer.ResidentMemoryAsync();

        Assert.InRange(held, Megabyte, 60 * Megabyte);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : ItIsLight(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : ItIsLight(lab);
}
