using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>
/// Finds UDP flows whose SNAT address has left the host: no answer can reach them. The client's next datagram opens the
/// flow again, with a current address. A TCP connection cannot change its address, and the host may get that back.
/// </summary>
/// <param name="own">The host's addresses now.</param>
sealed class LostSources(LbTables tables, Func<IReadOnlySet<IPAddress>> own)
{
    readonly HashSet<LbAddress> _had = [];
    HashSet<LbAddress> _lost = [];

    /// <summary>
    /// Compares the host's addresses with those that it had. The source addresses of services are no longer lost: packets
    /// for them may be routed to the host.
    /// </summary>
    /// <exception cref="LoadBalancerException">The kernel did not list the addresses.</exception>
    public void Update()
    {
        LbAddress[] now = [.. own().Select(LbAddress.From)];
        _had.UnionWith(now);
        _lost = [.. _had.Except(now)];
        tables.Services.ForEach((in _, in service) => _lost.Remove(service.NatAddress));
    }

    /// <summary>True if the host has lost the source of the flow's packets to its backend, which is not the service's address.</summary>
    public bool IsLost(in LbTuple key, in LbFlow flow) =>
        key.Protocol == (byte)TransportProtocol.Udp && flow is { Direction: LbDirection.ToBackend, Mode: LbMode.Nat }
        && flow.Rewritten.Src != key.Dst && _lost.Contains(flow.Rewritten.Src);
}
