using EbpfLb.Abi;

namespace EbpfLb.Events;

/// <summary>The end of a flow that idled out or was cut, told as the datapath tells the end of one that closed.</summary>
static class ClosedEvent
{
    public static LbEvent Create(LbTuple client, LbFlow forward, LbFlow reply)
    {
        var seen = Math.Max(forward.SeenNs, reply.SeenNs); // by a coarse clock, so perhaps before it opened
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
