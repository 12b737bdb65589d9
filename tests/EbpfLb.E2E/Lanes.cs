using Xunit.Sdk;
using Xunit.v3;

// As many labs at a time as keep two processors busy.
[assembly: Parallelization(MaxThreads = EbpfLb.E2E.Lanes.LabsAtATime)]
[assembly: TestCollectionOrderer(typeof(EbpfLb.E2E.LongestFirst))]

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

/// <summary>The labs with the most work begin first, so that none of them is left alone in the end.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    static readonly Type[] Order =
    [
        typeof(OverTc), typeof(OverNativeXdp), typeof(OverGenericXdp), typeof(OfTheRunner), typeof(OverGenericXdpAndIPv6),
        typeof(OverTcAndIPv6), typeof(OverEcmp), typeof(OverVrrp),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(
        IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection => [.. testCollections.OrderBy(PlaceOf)];

    static int PlaceOf<TTestCollection>(TTestCollection one)
        where TTestCollection : ITestCollection =>
        one is IXunitTestCollection { CollectionDefinition: { } lab } && Array.IndexOf(Order, lab) is >= 0 and var place
            ? place
            : Order.Length;
}
