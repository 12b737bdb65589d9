namespace EbpfLb.Flows;

/// <summary>What flows can be sorted by, the most of it first.</summary>
static class FlowOrder
{
    public static readonly (string Word, Func<Flow, ulong> Key)[] All =
    [
        ("bytes", flow => flow.Bytes), ("packets", flow => flow.Packets), ("age", flow => (ulong)flow.Age.Ticks),
        ("idle", flow => (ulong)flow.Idle.Ticks),
    ];
}
