using EbpfLb.Bench.Report;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Bench.Packets;

/// <summary>
/// What a packet costs the processor, in nanoseconds, beyond a program that does nothing: the compiled programs run in
/// the kernel on packets that are written anew each time.
/// </summary>
static class PacketBench
{
    /// <summary>Rounds are short here: there can be many of them.</summary>
    const int RoundsInOne = 3;

    static readonly string[] Notes =
    [
        "The kernel runs the programs itself (`BPF_PROG_TEST_RUN`), by the thousand and up to a million times in a round, in a "
        + "network namespace with real routes and neighbours. It does not put back what a program rewrote, so a small program "
        + "before it writes the packet anew each time, from the next client, and calls the program that users load; what that "
        + "takes with a program that does nothing in its place is subtracted. The floor is such a program by itself.",
        "Each round's packets must all be counted under the reason that they are meant to meet: a cost of others would say nothing.",
        "The order of clients is scattered, so that caches help as little as they would. Ports are kept, as they are where they are free. "
        + "A new flow is one of 8,192 that open in tables which are forgotten after each round; one that evicts another finds the table "
        + "of opening flows full. Events are off: nobody reads them here.",
        "Instructions are not counted: this machine does not give its counters to those who run on it.",
    ];

    public static async Task<PartResult> MeasureAsync(
        LabEngine engine, Effort effort, IProgress<string> progress, CancellationToken cancellation)
    {
        Measurement[] measured = [.. TestBed.All.SelectMany(bed => Measure(bed, effort, progress, cancellation))];
        return new(Parts.Packets, "What a packet costs", effort.IsQuick, DateTimeOffset.UtcNow, await Machine.DescribeAsync(engine))
        {
            Notes = Notes,
            Measurements = measured,
        };
    }

    static IEnumerable<Measurement> Measure(
        Func<TestBed> make, Effort effort, IProgress<string> progress, CancellationToken cancellation)
    {
        using var bed = make();
        progress.Report($"packets {bed}");
        var cases = bed.Cases().ToArray();
        var costs = cases.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round <= effort.Rounds * RoundsInOne; round++)
        {
            for (var i = 0; i < cases.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                var cost = cases[i].Round();
                if (round > 0) // the first one warms up
                    costs[i].Add(cost);
            }
        }
        return cases.Zip(costs, (each, rounds) => new Measurement(each.Measure, each.Subject, "ns", MoreIsBetter: false, rounds));
    }
}
