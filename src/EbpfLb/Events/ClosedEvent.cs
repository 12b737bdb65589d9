using EbpfLb.Abi;

namespace EbpfLb.Events;

/// <summary>The closed event of a flow that user space ended, as the datapath reports flows that closed.</summary>
static class ClosedEvent
{
    public static LbEvent Create(LbTuple client, LbFlow forward, LbFlow reply)
    {
        var seen = Math.Max(forward.SeenNs, reply.SeenNs); // coarse clock: may be before OpenedNs
        return new()
        {
            TimeNs = seen,
            Before = client,
            After = forward.Rewritten,
            Type = LbEventType.Closed,
            Service = forward.Service,
            Backend = forward.Backend,
            DurationNs = seen > forward.OpenedNs ? seen - forward.OpenedNs : 0,
            Packets = forward.Packets + reply.Packets,
            Bytes = forward.Bytes + reply.Bytes,
        };
    }
}
