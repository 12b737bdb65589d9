namespace EbpfLb.Flows;

/// <summary>Which flows are asked for, and in which order.</summary>
/// <param name="Filter">Which.</param>
/// <param name="Order">The most of what comes first; null for the order in which they are met.</param>
/// <param name="Limit">How many at most; null for all.</param>
sealed record FlowQuery(FlowFilter Filter, Func<Flow, ulong>? Order, int? Limit)
{
    /// <summary>A sorted list is held until the last flow was seen, so it has an end in any case.</summary>
    public const int MaxSortedFlows = 1000;

    /// <summary>Writes them as they are met or, where they are sorted, at the end.</summary>
    public void Run(IEnumerable<FlowSource> sources, FlowWriter writer, CancellationToken cancellation)
    {
        var total = 0;
        var top = Order is null ? null : new TopFlows(Order, Limit ?? MaxSortedFlows);
        writer.Begin();
        foreach (var source in sources)
        {
            source.ForEach(Filter, flow =>
            {
                total++;
                if (top is not null)
                    top.Add(flow);
                else if (total <= (Limit ?? int.MaxValue))
                    writer.Write(flow);
            }, cancellation);
        }
        foreach (var flow in top?.Drain() ?? [])
            writer.Write(flow);
        writer.End(total);
    }
}
