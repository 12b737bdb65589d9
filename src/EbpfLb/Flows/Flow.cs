using EbpfLb.Abi;

namespace EbpfLb.Flows;

/// <summary>How far a flow has come.</summary>
enum FlowState
{
    /// <summary>One of its ends has yet to show that it is there.</summary>
    Opening,
    Established,

    /// <summary>A FIN each way, or a reset; in mode dsr the client's FIN.</summary>
    Ended,
}

/// <summary>Both directions of a flow, as the maps tell of them.</summary>
/// <param name="Source">Where it was read, which knows the names.</param>
/// <param name="Client">From the client to the service.</param>
/// <param name="Forward">The half that leads to the backend.</param>
/// <param name="Reply">The half that leads to the client; default where there is none, as in mode dsr.</param>
readonly record struct Flow(FlowSource Source, LbTuple Client, LbFlow Forward, LbFlow Reply, FlowState State)
{
    /// <summary>Of IP packets, both ways.</summary>
    public ulong Bytes => Forward.Bytes + Reply.Bytes;

    /// <summary>Both ways.</summary>
    public ulong Packets => Forward.Packets + Reply.Packets;

    /// <summary>Since it opened.</summary>
    public TimeSpan Age => Source.Since(Forward.OpenedNs);

    /// <summary>Since the last packet of either direction: by a coarse clock, which may be some ms behind that of the opening.</summary>
    public TimeSpan Idle => Source.Since(Math.Max(Forward.OpenedNs, Math.Max(Forward.SeenNs, Reply.SeenNs)));
}
