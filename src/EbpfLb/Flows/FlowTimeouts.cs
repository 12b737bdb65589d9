using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>The idle timeout of each flow by its state.</summary>
/// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
readonly struct FlowTimeouts(TimeoutConfiguration timeouts, ulong now)
{
    /// <summary>While data before a FIN may be sent again: longer than TCP_RTO_MAX, 120 s on Linux.</summary>
    static readonly TimeSpan Closing = TimeSpan.FromSeconds(130);

    readonly ulong _opening = timeouts.Opening.ToNs();
    readonly ulong _established = timeouts.Established.ToNs();
    readonly ulong _ended = timeouts.Ended.ToNs();
    readonly ulong _closing = Closing.ToNs();
    readonly ulong _udp = timeouts.Udp.ToNs();

    /// <param name="isClosing">True if both directions have sent a FIN.</param>
    public bool IsIdle(in LbTuple key, in LbFlow flow, bool isClosing) =>
        flow.IdleNs(now) > TimeoutOf(key, flow, isClosing);

    ulong TimeoutOf(in LbTuple key, in LbFlow flow, bool isClosing)
    {
        if (key.Protocol == (byte)TransportProtocol.Udp)
            return _udp;
        if (flow.IsEnded)
            return flow.Mode != LbMode.Nat && (flow.TcpSeen & LbTcpSeen.Rst) == 0 ? _closing : _ended;
        if (isClosing)
            return _closing;
        return (flow.TcpSeen & LbTcpSeen.Ack) != 0 ? _established : _opening;
    }
}
