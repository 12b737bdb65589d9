using EbpfLb.Abi;
using EbpfLb.Native;

namespace EbpfLb.Flows;

/// <summary>The state of a flow.</summary>
enum FlowState
{
    /// <summary>One endpoint has not answered yet.</summary>
    Opening,
    Established,

    /// <summary>A FIN in each direction, or a reset; in modes dsr and tunnel the client's FIN.</summary>
    Ended,

    /// <summary>An open socket that was given the backend: its packets are not seen.</summary>
    Socket,
}

/// <summary>Both entries of a flow.</summary>
/// <param name="Source">The instance that it was read from.</param>
/// <param name="Client">The forward entry's key: from the client to the service.</param>
/// <param name="Reply">The reply entry; default if there is none, as in modes dsr and tunnel.</param>
readonly record struct Flow(FlowSource Source, LbTuple Client, LbFlow Forward, LbFlow Reply, FlowState State)
{
    /// <summary>IP bytes in both directions.</summary>
    public ulong Bytes => Forward.Bytes + Reply.Bytes;

    /// <summary>In both directions.</summary>
    public ulong Packets => Forward.Packets + Reply.Packets;

    /// <summary>Since it opened.</summary>
    public TimeSpan Age => Source.Since(Forward.OpenedNs);

    /// <summary>Since the last packet in either direction. The coarse clock may be some ms behind the opening's.</summary>
    public TimeSpan Idle => new[] { Age, Source.Idle(Forward), Reply == default ? TimeSpan.MaxValue : Source.Idle(Reply) }.Min();
}

static class FlowEntries
{
    /// <summary>The other entry of a flow. False if it was evicted: the key may then belong to another flow.</summary>
    public static bool TryGetPair(this BpfMap<LbTuple, LbFlow> map, in LbTuple key, in LbFlow flow, out LbFlow pair) =>
        map.TryGet(flow.Rewritten.Reversed(), out pair) && pair.Rewritten.Reversed() == key;
}
