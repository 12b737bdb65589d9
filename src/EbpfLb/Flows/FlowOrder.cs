namespace EbpfLb.Flows;

/// <summary>Sort orders for flows, largest first.</summary>
static class FlowOrder
{
    static readonly (string Name, Func<Flow, ulong> Key)[] Orders =
    [
        ("bytes", flow => flow.Bytes), ("packets", flow => flow.Packets), ("age", flow => (ulong)flow.Age.Ticks),
        ("idle", flow => (ulong)flow.Idle.Ticks),
    ];

    public static string Names { get; } = string.Join(", ", Orders.Select(order => order.Name));

    /// <summary>Null if the name is unknown.</summary>
    public static Func<Flow, ulong>? TryParse(string name) => Orders.FirstOrDefault(order => order.Name == name).Key;
}
