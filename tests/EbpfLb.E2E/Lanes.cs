using Xunit.v3;

// All labs at a time: their specs wait for containers most of the while.
[assembly: Parallelization(MaxThreads = EbpfLb.E2E.Lanes.LabsAtATime)]

namespace EbpfLb.E2E;

/// <summary>Which specs run beside which: those of a lab one after the other, those of different labs side by side.</summary>
static class Lanes
{
    public const int LabsAtATime = 5;

    /// <summary>
    /// Held by a spec that loads the machine, with floods or with transfers as fast as they go beside a constant load: one
    /// such at a time, so that none takes another's processors for its own balancer's losses. Specs that wait go on beside it.
    /// </summary>
    public static SemaphoreSlim Busy { get; } = new(1);
}
