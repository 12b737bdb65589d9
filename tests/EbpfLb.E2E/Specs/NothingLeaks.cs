using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.E2E.Specs;

/// <summary>It may run for years: what it holds does not grow with what it has been through.</summary>
public abstract class NothingLeaks(HookLab lab) : Spec(lab)
{
    const long Megabyte = 1_000_000;
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    static readonly TimeSpan LongestTime = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Many_changes_of_backends_leak_nothing()
    {
        var balancer = await Lab.BalanceAsync(InFile(Lab.A));
        await ChangeAsync(balancer, times: 100);
        var (before, memory) = (await LookAsync(balancer), await balancer.ResidentMemoryAsync());

        await ChangeAsync(balancer, times: 100 + SuiteSize.BackendChanges);

        // While it asks for a name, it has a socket more.
        await Eventually.That("it holds no more open than before",
            () => LookAsync(balancer), after => after.Held == before.Held && after.Files <= before.Files, Soon);
        Assert.InRange(await balancer.ResidentMemoryAsync(), Megabyte, memory + 20 * Megabyte);
    }

    /// <summary>Goes on until it has told of so many changes.</summary>
    async Task ChangeAsync(Balancer balancer, int times) => await Eventually.That(
        $"{times} changes have been taken",
        async () =>
        {
            await balancer.ChangeOftenAsync(InFile(Lab.A, Lab.B), InFile(Lab.C), times: 100);
            return (await balancer.ReloadsAsync()).Count;
        },
        taken => taken >= times, LongestTime);

    async Task<(string Held, int Files)> LookAsync(Balancer balancer) =>
        ($"{await Lab.Host.KernelStateAsync()}", await balancer.OpenFilesAsync());

    static BalancerPlan InFile(params Backend[] backends) => new(Service.Web(backends)) { StandsInFile = true };

    [Collection<OfTheRunner>]
    public sealed class Tc(RunnerLab lab) : NothingLeaks(lab);
}
