using System.Net;
using EbpfLb.Abi;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Established flows in numbers, written to the table rather than opened.</summary>
static class ManyFlows
{
    /// <summary>Each client's flow has carried as many bytes to the backend as its number says.</summary>
    /// <param name="tables">With room for them.</param>
    /// <param name="count">How many; no more than there are addresses in 10.0.0.0/8.</param>
    /// <param name="now">When they opened and were seen last: nanoseconds of CLOCK_MONOTONIC.</param>
    public static void Fill(LbTables tables, uint count, ulong now)
    {
        for (var client = 0u; client < count; client++)
            Add(tables, client, now);
    }

    static void Add(LbTables tables, uint client, ulong now)
    {
        var forward = new LbTuple
        {
            Src = LbAddress.From(new IPAddress(10 | (client << 8))),
            Dst = LbAddress.From(Hosts.Ip4.Web.Address),
            Sport = BigEndianPort.From(40000),
            Dport = BigEndianPort.From(80),
            Protocol = (byte)TransportProtocol.Tcp,
        };
        var backend = forward with
        {
            Src = forward.Dst,
            Dst = LbAddress.From(new IPAddress(11 | ((client >> 8) << 8))),
            Sport = BigEndianPort.From((ushort)(1024 + (client & 0xff))),
        };
        var flow = new LbFlow { Rewritten = backend, TcpSeen = LbTcpSeen.Ack, OpenedNs = now, Seen = LbFlow.SeenAt(now), Bytes = client };
        tables.Flows.Set(forward, flow);
        tables.Flows.Set(backend.Reversed(),
            flow with { Rewritten = forward.Reversed(), Direction = LbDirection.ToClient, Bytes = 0 });
    }
}
