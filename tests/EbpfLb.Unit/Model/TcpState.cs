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

    /// <summary>
    /// The highest acknowledgment; of a client that has acknowledged nothing the number after its latest SYN that is not
    /// the first one.
    /// </summary>
    public uint Ack { get; set; }

    public bool IsTracked => (Seen & (LbTcpSeen.Syn | LbTcpSeen.Ack)) != 0;

    /// <summary>A client's SYN acknowledges nothing.</summary>
    bool AckIsKnown => Seen.HasFlag(LbTcpSeen.Ack) || (Seen.HasFlag(LbTcpSeen.Syn) && direction == LbDirection.ToClient);

    /// <summary>Only SYNs of it were accepted.</summary>
    public bool IsSynOnly => (Seen & (LbTcpSeen.Syn | LbTcpSeen.Ack)) == LbTcpSeen.Syn;

    /// <summary>Follows a segment.</summary>
    /// <param name="segment">Of this direction.</param>
    /// <param name="other">The other direction; null if it is not seen.</param>
    /// <param name="isOver">The connection is over.</param>
    /// <returns>Whether it was accepted.</returns>
    public bool Accept(TcpPacket segment, TcpState? other, bool isOver)
    {
        var flags = segment.Flags;
        if (flags.HasFlag(Tcp.Rst))
            return AcceptReset(segment, other);
        if (flags.HasFlag(Tcp.Syn))
            return direction == LbDirection.ToBackend ? KeepSyn(segment, isOver) : AcceptAnswer(segment, other);
        if (!flags.HasFlag(Tcp.Ack) || !IsAcceptable(segment, other))
            return false;
        var end = EndOf(segment);
        if (!IsTracked || IsAfter(end, SeqNext))
            SeqNext = end;
        Acknowledge(segment.Acknowledgment);
        Seen |= LbTcpSeen.Ack | (flags.HasFlag(Tcp.Fin) ? LbTcpSeen.Fin : 0);
        return true;
    }

    /// <summary>All of it was acknowledged, its FIN too.</summary>
    public bool IsFinished(TcpState other) =>
        Seen.HasFlag(LbTcpSeen.Fin) && other.AckIsKnown && !IsAfter(SeqNext, other.Ack);

    /// <summary>The segment is the first one after the client's latest SYN.</summary>
    public bool LatestSynIsFollowedBy(TcpPacket segment) =>
        (segment.Flags & (Tcp.Syn | Tcp.Rst | Tcp.Ack)) == Tcp.Ack && IsSynOnly && segment.Sequence == Ack;

    /// <summary>The connection is that of the client's latest SYN, not of its first one.</summary>
    public void SwapSyns() => (SeqNext, Ack) = (Ack, SeqNext);

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

    /// <summary>The client's first SYN counts, and the latest other one is kept: the backend knows which one is forged.</summary>
    bool KeepSyn(TcpPacket segment, bool isOver)
    {
        if (Seen.HasFlag(LbTcpSeen.Ack) && !isOver)
            return false;
        if (!IsTracked)
            SeqNext = Ack = segment.Sequence + 1;
        if (segment.Sequence + 1 != SeqNext || isOver)
            Ack = segment.Sequence + 1;
        if (isOver)
            Seen &= ~LbTcpSeen.Ack;
        Seen |= LbTcpSeen.Syn;
        return true;
    }

    bool AcceptAnswer(TcpPacket segment, TcpState? other)
    {
        if (other is not { IsSynOnly: true } || !segment.Flags.HasFlag(Tcp.Ack))
            return false;
        if (segment.Acknowledgment - other.SeqNext > MaxFastOpen)
        {
            if (segment.Acknowledgment - other.Ack > MaxFastOpen)
                return false;
            other.SwapSyns();
        }
        (SeqNext, Ack) = (segment.Sequence + 1, segment.Acknowledgment);
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
