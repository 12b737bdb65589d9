namespace EbpfLb.Flows;

/// <summary>Keeps the first flows of an order in bounded memory.</summary>
sealed class TopFlows(Func<Flow, ulong> order, int limit)
{
    readonly PriorityQueue<Flow, ulong> _kept = new(); // the smallest is dequeued first

    public void Add(Flow flow)
    {
        if (_kept.Count < limit)
            _kept.Enqueue(flow, order(flow));
        else
            _kept.EnqueueDequeue(flow, order(flow));
    }

    /// <summary>Removes and returns them, largest first.</summary>
    public IEnumerable<Flow> Drain()
    {
        var sorted = new Stack<Flow>(_kept.Count);
        while (_kept.TryDequeue(out var flow, out _))
            sorted.Push(flow);
        return sorted;
    }
}
