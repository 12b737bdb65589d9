using EbpfLb.Abi;

namespace EbpfLb.Unit.Datapath.Harness;

static class FlowEntries
{
    /// <summary>What has been seen of the connection, without the interface that replies come by.</summary>
    public static LbTcpSeen SeenSegments(this LbFlow flow) => (LbTcpSeen)(byte)flow.TcpSeen;
}
