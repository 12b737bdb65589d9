namespace EbpfLb.Abi;

/// <summary>Mirror of <c>enum lb_event_type</c>.</summary>
enum LbEventType : uint
{
    Opened,
    Closed,
    Refused,
    Packet,
}

/// <summary>Mirror of <c>enum lb_event_level</c>.</summary>
enum LbEventLevel : uint
{
    Off,
    Flows,
    Packets,
}

/// <summary>
/// Mirror of <c>struct lb_event</c>. A flow event carries the client's tuple and the backend's; a packet event
/// the tuple before and after the rewrite.
/// </summary>
record struct LbEvent
{
    /// <summary>Nanoseconds of CLOCK_MONOTONIC.</summary>
    public ulong TimeNs;
    public LbTuple Before;
    public LbTuple After;
    public LbEventType Type;
    public LbReason Reason;

    /// <summary>A service's id, or <see cref="Limits.NoId"/>.</summary>
    public uint Service;

    /// <summary>A backend's id, or <see cref="Limits.NoId"/>.</summary>
    public uint Backend;

    public readonly TransportProtocol Protocol => (TransportProtocol)Before.Protocol;

    /// <summary>False for a refusal before a backend was selected.</summary>
    public readonly bool HasBackend => Type != LbEventType.Refused || Backend != Limits.NoId;

    /// <summary>Closed flows: nanoseconds since the flow opened.</summary>
    public ulong DurationNs;

    public readonly TimeSpan Duration => MonotonicTime.FromNs(DurationNs);

    /// <summary>Closed flows: packets of both directions.</summary>
    public ulong Packets;

    /// <summary>Closed flows: bytes of IP packets of both directions.</summary>
    public ulong Bytes;
}
