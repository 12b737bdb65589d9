namespace EbpfLb.Flows;

/// <summary>Selects and sorts flows.</summary>
/// <param name="Filter">Which flows.</param>
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
        var top = Order is null ? null : new TopFlows(Order, Limit ?? MaxSortedFlows);
        foreach (var source in sources)
        {
            source.ForEach(Filter, flow =>
            {
                total++;
                if (top is not null)
                    top.Add(flow);
                else if (total <= (Limit ?? int.MaxValue))
                    show(flow);
            }, cancellation);
        }
        foreach (var flow in top?.Drain() ?? [])
            show(flow);
        return total;
    }
}
