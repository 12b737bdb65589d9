using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>
/// Finds UDP flows whose SNAT address has left the host: no answer can reach them. The client's next datagram opens the
/// flow again, with an address of now. A TCP connection cannot change its address, and may have it again.
/// </summary>
/// <param name="own">The host's addresses. They are read if there is a flow that depends on them.</param>
sealed class LostSources(LbTables tables, Func<IReadOnlySet<IPAddress>> own)
{
    HashSet<LbAddress>? _valid;

    /// <summary>True if the source of the packets to the backend is neither the service's, nor configured, nor the host's.</summary>
    public bool Include(in LbTuple key, in LbFlow flow) =>
        key.Protocol == (byte)TransportProtocol.Udp && flow is { Direction: LbDirection.ToBackend, Mode: LbMode.Nat }
        && flow.Rewritten.Src != key.Dst && !(_valid ??= ReadValid()).Contains(flow.Rewritten.Src);

    HashSet<LbAddress> ReadValid()
    {
        HashSet<LbAddress> valid = [.. own().Select(LbAddress.From)];
        tables.Services.ForEach((in _, in service) => valid.Add(service.NatAddress));
        return valid;
    }
}
