using System.Numerics;

namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_traffic</c>: the counters of a service or a backend, on one processor.</summary>
record struct LbTraffic : IAdditionOperators<LbTraffic, LbTraffic, LbTraffic>
{
    /// <summary>Flows opened.</summary>
    public ulong Flows;
    public ulong ToBackendPackets;

    /// <summary>Bytes of IP packets, their headers included.</summary>
    public ulong ToBackendBytes;
    public ulong ToClientPackets;

    /// <summary>Bytes of IP packets, their headers included.</summary>
    public ulong ToClientBytes;

    public static LbTraffic operator +(LbTraffic a, LbTraffic b) => new()
    {
        Flows = a.Flows + b.Flows,
        ToBackendPackets = a.ToBackendPackets + b.ToBackendPackets,
        ToBackendBytes = a.ToBackendBytes + b.ToBackendBytes,
        ToClientPackets = a.ToClientPackets + b.ToClientPackets,
        ToClientBytes = a.ToClientBytes + b.ToClientBytes,
    };
}
