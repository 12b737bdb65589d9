using EbpfLb.Abi;
using EbpfLb.Flows;

namespace EbpfLb.Events;

/// <summary>The closed event of a flow that user space ended, as the datapath reports flows that closed.</summary>
static class ClosedEvent
{
    /// <param name="client">The forward entry's key.</param>
    /// <param name="reply">The reply entry; default if there is none.</param>
    /// <param name="why">An idle flow ended with its last packet, one that was cut now.</param>
    /// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
    public static LbEvent Create(LbTuple client, LbFlow forward, LbFlow reply, FlowEnd why, ulong now)
    {
        var idle = why != FlowEnd.Idle ? 0 : reply == default ? forward.IdleNs(now) : Math.Min(forward.IdleNs(now), reply.IdleNs(now));
        var end = now - idle; // coarse clock: may be before OpenedNs
        return new()
        {
            TimeNs = end,
            Before = client,
            After = forward.Rewritten,
            Type = LbEventType.Closed,
            Service = forward.Service,
            Backend = forward.Backend,
            DurationNs = end > forward.OpenedNs ? end - forward.OpenedNs : 0,
            Packets = forward.Packets + reply.Packets,
            Bytes = forward.Bytes + reply.Bytes,
        };
    }
}
