using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>The idle timeout of each flow by its state.</summary>
/// <param name="timeouts">As configured.</param>
/// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
readonly struct FlowTimeouts(TimeoutConfiguration timeouts, ulong now)
{
    /// <summary>In modes dsr and tunnel after the client's FIN: the backend may still be sending.</summary>
    static readonly TimeSpan ClientDone = TimeSpan.FromMinutes(2);

    /// <summary>The reply entry reserves the SNAT port: as long as TIME_WAIT, SNAT_REST_NS in <c>bpf/snat.h</c>.</summary>
    static readonly TimeSpan PortRest = TimeSpan.FromSeconds(60);

    readonly ulong _opening = Nanoseconds(timeouts.Opening);
    readonly ulong _established = Nanoseconds(timeouts.Established);
    readonly ulong _ended = Nanoseconds(timeouts.Ended);
    readonly ulong _clientDone = Nanoseconds(ClientDone);
    readonly ulong _portRest = Nanoseconds(PortRest);
    readonly ulong _udp = Nanoseconds(timeouts.Udp);

    public bool IsIdle(in LbTuple key, in LbFlow flow) => flow.IdleNs(now) > TimeoutOf(key, flow);

    ulong TimeoutOf(in LbTuple key, in LbFlow flow)
    {
        if (key.Protocol == (byte)TransportProtocol.Udp)
            return _udp;
        if ((flow.TcpSeen & LbTcpSeen.End) != 0)
        {
            if (flow.Mode != LbMode.Nat)
                return (flow.TcpSeen & LbTcpSeen.Rst) == 0 ? _clientDone : _ended;
            return flow.Direction == LbDirection.ToClient ? Math.Max(_ended, _portRest) : _ended;
        }
        return (flow.TcpSeen & LbTcpSeen.Ack) != 0 ? _established : _opening;
    }

    static ulong Nanoseconds(TimeSpan time) => (ulong)time.Ticks * TimeSpan.NanosecondsPerTick;
}
