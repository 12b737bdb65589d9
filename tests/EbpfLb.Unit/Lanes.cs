using EbpfLb.Unit;
using Xunit.Sdk;
using Xunit.v3;

// Most cases wait: for the kernel, which lets every processor pass before it takes a table away, for a process, or for
// the loopback. So there are more at a time than processors.
[assembly: Parallelization(MaxThreads = Lanes.AtATime)]
[assembly: TestCollectionOrderer(typeof(LongLanesFirst))]

namespace EbpfLb.Unit;

/// <summary>Which specs do not run side by side, and why.</summary>
static class Lanes
{
    public const int AtATime = 6;

    /// <summary>
    /// Those that keep a processor busy for seconds run one after another, beside those that wait: two of them at a time
    /// would be no sooner done, and would make all others late.
    /// </summary>
    public const string Busy = "busy";

    /// <summary>Those that wait for a process of the balancer's which goes by the real clock: seconds, and idle ones.</summary>
    public const string Patient = "patient";
}

/// <summary>What takes long and cannot be divided begins first, so that nothing waits for it alone in the end.</summary>
public sealed class LongLanesFirst : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(
        IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderByDescending(one => one.TestCollectionDisplayName is Lanes.Busy or Lanes.Patient)];
}
