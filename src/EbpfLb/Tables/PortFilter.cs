using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>
/// The ports of services and their backends. A packet with none of them is passed before any flow look-up. Ports stay
/// allowed as long as the tables live, because flows outlive their services; the cost is one look-up for an unrelated
/// packet.
/// </summary>
/// <param name="words">One bit per port, at the place that <c>LB_PORT_FILTER_WORD</c> of <c>bpf/abi.h</c> gives.</param>
sealed class PortFilter(BpfMap<uint, ulong> words)
{
    const int Ports = ushort.MaxValue + 1;

    /// <summary>The meaning of a bit: <c>LB_PORT_FILTER_…</c> of <c>bpf/abi.h</c>.</summary>
    enum Side : uint
    {
        Services,
        Backends,
    }

    public BpfMap<uint, ulong> Words => words;

    /// <summary>Allows the ports of a service and its backends. Call it before they are written.</summary>
    /// <param name="listens">The service's port; 0 for every port.</param>
    /// <param name="answers">The backends' ports; 0 for the port that the client connects to.</param>
    public void Allow(TransportProtocol protocol, ushort listens, IEnumerable<ushort> answers)
    {
        Allow(protocol, Side.Services, listens);
        foreach (var port in answers.Select(port => port == 0 ? listens : port).Distinct())
            Allow(protocol, Side.Backends, port);
    }

    void Allow(TransportProtocol protocol, Side side, ushort port)
    {
        if (port != 0)
        {
            words.AddBits(WordOf(protocol, side, port), 1ul << (port % FilterWords.BitsInWord));
            return;
        }
        for (var any = 0; any < Ports; any += FilterWords.BitsInWord)
            words.AddBits(WordOf(protocol, side, any), ulong.MaxValue);
    }

    static uint WordOf(TransportProtocol protocol, Side side, int port) =>
        ((uint)side << 11) | (protocol == TransportProtocol.Udp ? 1u << 10 : 0) | (uint)(port / FilterWords.BitsInWord);
}
