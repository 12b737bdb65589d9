using EbpfLb.Bench.Report;
using EbpfLb.Lab;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Bench.ControlPlane;

/// <summary>What the runner takes to come up, to follow its backends, and to be there.</summary>
static class ControlBench
{
    public static async Task<PartResult> MeasureAsync(LabEngine engine, Effort effort, IProgress<string> progress, CancellationToken cancellation)
    {
        progress.Report("starting a lab for the control plane");
        var lab = new HookLab(engine, "tc");
        await lab.InitializeAsync();
        var measurements = new List<Measurement>();
        foreach (var measure in new[] { StartTimes.MeasureAsync, FirstRequests.MeasureAsync, Reconciling.MeasureAsync })
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var measurement in await measure(lab, effort.Rounds))
            {
                measurements.Add(measurement);
                progress.Report(
                    $"{measurement.Measure}, {measurement.Subject}: {Figures.Write(Figures.Median(measurement.Rounds))} {measurement.Unit}");
            }
        }
        return new PartResult(Parts.Control, "The control plane", effort.IsQuick, DateTimeOffset.UtcNow, await Machine.DescribeAsync(engine))
        {
            Notes = Notes,
            Measurements = measurements,
        };
    }

    static IReadOnlyList<string> Notes { get; } =
    [
        $"*{StartTimes.Start}*: from the start of the balancer's container to its line `ready`, by the engine's clock, on tc.",
        $"*{StartTimes.Memory}*: the process's resident set (VmRSS); the kernel's tables are not in it.",
        $"*{FirstRequests.Measure}*: from the start of a backend's container to the first request in its access log, while a " +
        "client asks 300 times a second. By label, with a TCP health check each second, which has to pass first; by name, " +
        "which is resolved every five seconds.",
        $"*{Reconciling.Measure}*: a pass of the loop that writes the tables, by the runner's own clock, where a changed file " +
        "has put other backends in place of all.",
    ];
}
