namespace EbpfLb.Abi;

/// <summary>Mirror of <c>enum lb_backend_state</c>: the state of a backend. The datapath uses slots and weights alone.</summary>
enum LbBackendState : uint
{
    /// <summary>Its service has no health check.</summary>
    Unchecked,

    /// <summary>Its checks have yet to decide.</summary>
    Unknown,
    Up,
    Down,

    /// <summary>It takes no new flow; those it has go on until <see cref="LbBackend.DrainedNs"/>.</summary>
    Draining,

    /// <summary>It takes no new flow and has none.</summary>
    Drained,
}

/// <summary>Mirror of <c>struct lb_backend</c>: a backend of one service. An id whose address is zero is free.</summary>
record struct LbBackend
{
    public LbAddress Address;
    public BigEndianPort Port;

    /// <summary>For least connections; the other algorithms have it in their slot tables. 0 takes no new flow.</summary>
    public ushort Weight;
    public uint Service;

    /// <summary>When the flows of a draining or down backend are removed, by CLOCK_MONOTONIC in nanoseconds; 0 for never.</summary>
    public ulong DrainedNs;
    public LbBackendState State;

    /// <summary>How long it may drain once it takes no new flow any more, in milliseconds.</summary>
    public uint DrainMs;

    public readonly bool IsFree => Address == default;

    public readonly IPEndPoint EndPoint => new(Address.ToIPAddress(), Port.Value);

    /// <summary>True if the deadline of a draining or down backend has passed: its flows are to be removed.</summary>
    /// <param name="now">Nanoseconds of CLOCK_MONOTONIC.</param>
    public readonly bool IsPastDeadline(ulong now) =>
        State is LbBackendState.Draining or LbBackendState.Down && DrainedNs > 0 && DrainedNs <= now;
}
