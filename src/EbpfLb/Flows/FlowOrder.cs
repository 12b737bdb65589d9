namespace EbpfLb.Flows;

/// <summary>What flows can be sorted by, the most of it first.</summary>
static class FlowOrder
{
    static readonly (string Word, Func<Flow, ulong> Key)[] Orders =
    [
        ("bytes", flow => flow.Bytes), ("packets", flow => flow.Packets), ("age", flow => (ulong)flow.Age.Ticks),
        ("idle", flow => (ulong)flow.Idle.Ticks),
    ];

    /// <summary>The words for them.</summary>
    public static string Names { get; } = string.Join(", ", Orders.Select(order => order.Word));

    /// <summary>What a word means; null where it is none of them.</summary>
    public static Func<Flow, ulong>? TryParse(string word) => Orders.FirstOrDefault(order => order.Word == word).Key;
}
