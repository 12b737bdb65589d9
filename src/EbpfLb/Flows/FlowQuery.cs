namespace EbpfLb.Flows;

/// <summary>Selects and sorts flows.</summary>
/// <param name="Order">The sort key, largest first; null for table order.</param>
/// <param name="Limit">The maximum number; null for all.</param>
sealed record FlowQuery(FlowFilter Filter, Func<Flow, ulong>? Order, int? Limit)
{
    /// <summary>A sorted list is kept in memory, so it is always limited.</summary>
    public const int MaxSortedFlows = 1000;

    /// <summary>Shows flows as they are read, or at the end if they are sorted.</summary>
    /// <returns>The number of matching flows; may be more than are shown.</returns>
    public int Run(IEnumerable<FlowSource> sources, Action<Flow> show, CancellationToken cancellation)
    {
        var total = 0;
        var first = new PriorityQueue<Flow, ulong>(); // of the order; the smallest is dequeued first
        foreach (var source in sources)
        {
            source.ForEach(Filter, flow =>
            {
                total++;
                if (Order is null && total <= (Limit ?? int.MaxValue))
                    show(flow);
                else if (Order is not null && first.Count < (Limit ?? MaxSortedFlows))
                    first.Enqueue(flow, Order(flow));
                else if (Order is not null)
                    first.EnqueueDequeue(flow, Order(flow));
            }, cancellation);
        }
        var largestFirst = new Stack<Flow>(first.Count);
        while (first.TryDequeue(out var flow, out _))
            largestFirst.Push(flow);
        foreach (var flow in largestFirst)
            show(flow);
        return total;
    }
}
