using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Model;

/// <summary>
/// One direction of a TCP connection. A segment changes it only if an endpoint would accept the segment
/// (docs/concepts/flows.md).
/// </summary>
sealed class TcpState(LbDirection direction)
{
    const uint MaxGap = 128 * 1024;
    const uint MaxFastOpen = 9000;
    const uint MaxAckDistance = 1024 * 1024;

    public LbTcpSeen Seen { get; set; }

    /// <summary>The sequence number after the last accepted segment.</summary>
    public uint SeqNext { get; set; }

    /// <summary>The highest acknowledgment.</summary>
    public uint Ack { get; set; }

    public bool IsTracked => (Seen & (LbTcpSeen.Syn | LbTcpSeen.Ack)) != 0;

    /// <summary>A client's SYN acknowledges nothing.</summary>
    bool AckIsKnown => Seen.HasFlag(LbTcpSeen.Ack) || (Seen.HasFlag(LbTcpSeen.Syn) && direction == LbDirection.ToClient);

    /// <summary>A SYN was answered by nothing but another SYN.</summary>
    public bool IsSynOnly => (Seen & (LbTcpSeen.Syn | LbTcpSeen.Ack)) == LbTcpSeen.Syn;

    /// <summary>Follows a segment.</summary>
    /// <param name="segment">Of this direction.</param>
    /// <param name="other">The other direction; null if it is not seen.</param>
    /// <returns>Whether it was accepted.</returns>
    public bool Accept(TcpPacket segment, TcpState? other)
    {
        var flags = segment.Flags;
        if (flags.HasFlag(Tcp.Rst))
            return AcceptReset(segment, other);
        if (flags.HasFlag(Tcp.Syn))
            return AcceptSyn(segment, other);
        if (!flags.HasFlag(Tcp.Ack) || !IsAcceptable(segment, other))
            return false;
        var end = EndOf(segment);
        if (!IsTracked || IsAfter(end, SeqNext))
            SeqNext = end;
        Acknowledge(segment.Acknowledgment);
        Seen |= LbTcpSeen.Ack | (flags.HasFlag(Tcp.Fin) ? LbTcpSeen.Fin : 0);
        return true;
    }

    bool AcceptReset(TcpPacket segment, TcpState? other)
    {
        var refusesSyn = !IsTracked && other is not null && other.Seen.HasFlag(LbTcpSeen.Syn)
            && segment.Flags.HasFlag(Tcp.Ack) && segment.Acknowledgment == other.SeqNext;
        var isNext = IsTracked && segment.Sequence == SeqNext;
        if (!refusesSyn && !isNext && !IsExpected(segment.Sequence, other))
            return false;
        Seen |= LbTcpSeen.Rst;
        return true;
    }

    bool AcceptSyn(TcpPacket segment, TcpState? other)
    {
        var isFirst = direction == LbDirection.ToBackend && !IsTracked;
        var answers = direction == LbDirection.ToClient && other is { IsSynOnly: true } && segment.Flags.HasFlag(Tcp.Ack)
            && segment.Acknowledgment - other.SeqNext <= MaxFastOpen;
        if (!isFirst && !answers)
            return false;
        SeqNext = segment.Sequence + 1;
        if (segment.Flags.HasFlag(Tcp.Ack))
            Acknowledge(segment.Acknowledgment);
        Seen |= LbTcpSeen.Syn;
        return true;
    }

    bool IsAcceptable(TcpPacket segment, TcpState? other)
    {
        if (!IsTracked)
            return other is not { IsTracked: true } || IsNear(segment.Acknowledgment, other.SeqNext);
        if (segment.Sequence == SeqNext || IsExpected(segment.Sequence, other))
            return true;
        if (!AckIsKnown)
        {
            return other is not null && other.Seen.HasFlag(LbTcpSeen.Syn) && segment.Acknowledgment == other.SeqNext
                && IsNear(segment.Sequence, SeqNext);
        }
        var overlaps = SeqNext - segment.Sequence < EndOf(segment) - segment.Sequence;
        var isAhead = segment.Sequence - SeqNext <= MaxGap;
        return (overlaps || isAhead) && IsNear(segment.Acknowledgment, Ack);
    }

    void Acknowledge(uint number)
    {
        if (!AckIsKnown || IsAfter(number, Ack))
            Ack = number;
    }

    static bool IsExpected(uint number, TcpState? other) => other is { AckIsKnown: true } && number == other.Ack;

    static uint EndOf(TcpPacket segment) =>
        segment.Sequence + (uint)segment.Payload.Length + (segment.Flags.HasFlag(Tcp.Fin) ? 1u : 0);

    static bool IsAfter(uint number, uint other) => (int)(number - other) > 0;

    static bool IsNear(uint number, uint other) => number - other + MaxAckDistance <= 2 * MaxAckDistance;
}
