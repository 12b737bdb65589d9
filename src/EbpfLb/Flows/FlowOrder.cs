namespace EbpfLb.Flows;

/// <summary>Sort orders for flows, largest first.</summary>
static class FlowOrder
{
    static readonly (string Word, Func<Flow, ulong> Key)[] Orders =
    [
        ("bytes", flow => flow.Bytes), ("packets", flow => flow.Packets), ("age", flow => (ulong)flow.Age.Ticks),
        ("idle", flow => (ulong)flow.Idle.Ticks),
    ];

    /// <summary>Their names.</summary>
    public static string Names { get; } = string.Join(", ", Orders.Select(order => order.Word));

    /// <summary>Null if the name is unknown.</summary>
    public static Func<Flow, ulong>? TryParse(string word) => Orders.FirstOrDefault(order => order.Word == word).Key;
}
