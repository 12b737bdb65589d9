using EbpfLb.Bench.Report;
using EbpfLb.Lab;

namespace EbpfLb.Bench.ControlPlane;

/// <summary>How soon a backend that has just been started gets its first request.</summary>
static class FirstRequests
{
    public const string Measure = "Backend's start to its first request";

    const string Pool = "named-pool";

    public static async Task<IReadOnlyList<Measurement>> MeasureAsync(HookLab lab, int rounds) =>
        [Tell("by label", await ByLabelAsync(lab, rounds)), Tell("by name", await ByNameAsync(lab, rounds))];

    static async Task<IReadOnlyList<double>> ByLabelAsync(HookLab lab, int rounds)
    {
        await using var pool = await lab.StartPoolAsync();
        await pool.StartAsync();
        var balancer = await lab.BalanceAsync(pool.Plan);
        var load = await lab.Client.StartLoadAsync(balancer, keepsConnections: false);
        var times = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var backend = await pool.StartAsync();
            times.Add((await backend.TimeToFirstRequestAsync()).TotalSeconds);
            await backend.StopAsync();
        }
        await load.DisposeAsync();
        await lab.EndBalancersAsync();
        return times;
    }

    static async Task<IReadOnlyList<double>> ByNameAsync(HookLab lab, int rounds)
    {
        await using var first = await lab.StartBackendAsync(Pool);
        var balancer = await lab.BalanceAsync(Service.WebOfPool(Pool));
        var load = await lab.Client.StartLoadAsync(balancer, keepsConnections: false);
        var times = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            await using var backend = await lab.StartBackendAsync(Pool);
            times.Add((await backend.TimeToFirstRequestAsync()).TotalSeconds);
        }
        await load.DisposeAsync();
        await lab.EndBalancersAsync();
        return times;
    }

    static Measurement Tell(string subject, IReadOnlyList<double> times) => new(Measure, subject, "s", false, times);
}
