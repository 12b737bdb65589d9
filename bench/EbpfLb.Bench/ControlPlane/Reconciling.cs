using EbpfLb.Bench.Report;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.ControlPlane;

/// <summary>What it takes to put other backends in place of all, by their number.</summary>
static class Reconciling
{
    public const string Measure = "Reconcile, every backend replaced";

    const int MetricsPort = 9464;
    const double Milli = 1e3, Megabyte = 1e6;

    // Networks for benchmarks (RFC 2544): nobody is asked there.
    const string One = "198.18", Other = "198.19";

    static readonly int[] Counts = [10, 100, 1000];
    static readonly TimeSpan LongestPass = TimeSpan.FromSeconds(20);

    public static async Task<IReadOnlyList<Measurement>> MeasureAsync(HookLab lab, int rounds)
    {
        var measurements = new List<Measurement>();
        foreach (var count in Counts)
        {
            var balancer = await lab.BalanceAsync(PlanOf(Other, count));
            var (passes, memory) = (new List<double>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                passes.Add(await ReplaceAsync(balancer, PlanOf(round % 2 == 0 ? One : Other, count), count));
                memory.Add(await balancer.ResidentMemoryAsync() / Megabyte);
            }
            await lab.EndBalancersAsync();
            measurements.Add(new Measurement(Measure, $"{count} backends", "ms", false, passes));
            measurements.Add(new Measurement(StartTimes.Memory, $"{count} backends", "MB", false, memory));
        }
        return [.. measurements.OrderBy(each => each.Measure, StringComparer.Ordinal)];
    }

    /// <summary>How long the pass took that followed the change of the file, in milliseconds.</summary>
    static async Task<double> ReplaceAsync(Balancer balancer, BalancerPlan plan, int count)
    {
        var before = await LookAsync(balancer);
        await balancer.ReloadAsync(plan);
        var after = await Eventually.That($"{count} backends have taken the place of as many", () => LookAsync(balancer),
            seen => seen.Changes >= before.Changes + 2 * count, LongestPass);
        return Milli * (after.Seconds - before.Seconds);
    }

    /// <summary>What its passes have changed and taken since its start.</summary>
    static async Task<(double Changes, double Seconds)> LookAsync(Balancer balancer)
    {
        var metrics = await balancer.ScrapeAsync(MetricsPort);
        return (metrics.Value("ebpf_lb_reconcile_changes_total"), metrics.Value("ebpf_lb_reconcile_duration_seconds_sum"));
    }

    static BalancerPlan PlanOf(string network, int count) => new(new Service("web", 80, "tcp",
        [.. Enumerable.Range(0, count).Select(index => $"{network}.{index / 250}.{index % 250 + 1}")]))
    {
        StandsInFile = true,
        Metrics = $"127.0.0.1:{MetricsPort}",
    };
}
