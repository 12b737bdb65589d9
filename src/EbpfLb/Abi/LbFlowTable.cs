using System.Numerics;

namespace EbpfLb.Abi;

/// <summary>Mirror of <c>enum lb_flow_table</c>: the maps of flow entries.</summary>
enum LbFlowTable : uint
{
    Established,
    HalfOpen,
    Udp,
}

/// <summary>Mirror of <c>struct lb_table_changes</c>: entries that the datapath inserted and removed, per CPU.</summary>
record struct LbTableChanges : IAdditionOperators<LbTableChanges, LbTableChanges, LbTableChanges>
{
    public ulong Inserted;
    public ulong Removed;

    /// <summary>SNAT ports that new flows took over from its flows.</summary>
    public ulong PortsTakenOver;

    /// <summary>SNAT ports whose rest ended early because the table of resting ports was full.</summary>
    public ulong RestsCutShort;

    public static LbTableChanges operator +(LbTableChanges a, LbTableChanges b) => new()
    {
        Inserted = a.Inserted + b.Inserted,
        Removed = a.Removed + b.Removed,
        PortsTakenOver = a.PortsTakenOver + b.PortsTakenOver,
        RestsCutShort = a.RestsCutShort + b.RestsCutShort,
    };
}

/// <summary>Mirror of <c>struct lb_table_scan</c>: what user space found.</summary>
record struct LbTableScan
{
    /// <summary>Entries that user space removed.</summary>
    public ulong Removed;

    /// <summary>At least as many entries were evicted.</summary>
    public ulong Evicted;
}
