using EbpfLb.Bench.Report;
using EbpfLb.Lab;

namespace EbpfLb.Bench.ControlPlane;

/// <summary>How soon the runner is attached, and what it holds then.</summary>
static class StartTimes
{
    public const string Start = "Start to attached", Memory = "Resident memory";

    const double Megabyte = 1e6;

    public static async Task<IReadOnlyList<Measurement>> MeasureAsync(HookLab lab, int rounds)
    {
        var (starts, memory) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            var balancer = await lab.BalanceAsync(Service.Web(lab.A, lab.B));
            starts.Add((await balancer.TimeToReadyAsync()).TotalMilliseconds);
            memory.Add(await balancer.ResidentMemoryAsync() / Megabyte);
            await lab.EndBalancersAsync();
        }
        return [new(Start, "2 backends", "ms", false, starts), new(Memory, "2 backends", "MB", false, memory)];
    }
}
