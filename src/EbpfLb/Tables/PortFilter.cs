using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>
/// The ports that a packet of some service may have: what has none of them is passed before any flow is looked up. What
/// is let in stays in for as long as the tables live, because flows outlive their services; all that this costs is
/// a look-up of a packet that is no one's.
/// </summary>
/// <param name="words">A bit for each port, as <c>LB_PORTS_WORD</c> of <c>bpf/abi.h</c> places it.</param>
sealed class PortFilter(BpfMap<uint, ulong> words)
{
    const int Ports = ushort.MaxValue + 1;
    const int BitsInWord = 64;

    /// <summary>Whose ports a bit tells of: <c>LB_PORTS_OF_…</c> of <c>bpf/abi.h</c>.</summary>
    enum Side : uint
    {
        Services,
        Backends,
    }

    /// <summary>The bits themselves.</summary>
    public BpfMap<uint, ulong> Words => words;

    /// <summary>Lets in what a service and its backends send and receive. Comes before they are written.</summary>
    /// <param name="protocol">The service's.</param>
    /// <param name="listens">The service's port; 0 where it takes any.</param>
    /// <param name="answers">The backends' ports; 0 where it is the one that the client asked for.</param>
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
            Add(WordOf(protocol, side, port), 1ul << (port % BitsInWord));
            return;
        }
        for (var any = 0; any < Ports; any += BitsInWord)
            Add(WordOf(protocol, side, any), ulong.MaxValue);
    }

    void Add(uint word, ulong bits)
    {
        if (!words.TryGet(word, out var held) || (held & bits) != bits)
            words.Set(word, held | bits);
    }

    static uint WordOf(TransportProtocol protocol, Side side, int port) =>
        ((uint)side << 11) | (protocol == TransportProtocol.Udp ? 1u << 10 : 0) | (uint)(port / BitsInWord);
}
