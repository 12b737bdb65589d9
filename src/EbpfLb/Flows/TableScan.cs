using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Flows;

/// <summary>
/// Counts evictions from one flow table, which the kernel does not count: entries that were inserted, were not removed,
/// and are not there. Flows come and go during a scan: every doubtful entry counts as not evicted, until a later scan.
/// </summary>
sealed class TableScan
{
    readonly LbTables _tables;
    readonly LbFlowTable _table;
    readonly ulong _inserted;
    LbTableScan _scan;
    ulong _present;

    /// <summary>Call it before the scan: entries that are inserted later may be seen, and are not counted here.</summary>
    public TableScan(LbTables tables, LbFlowTable table)
    {
        (_tables, _table) = (tables, table);
        _inserted = tables.TableChanges.SumPerCpu(table).Inserted;
        tables.TableScans.TryGet(table, out _scan);
    }

    /// <summary>An entry is there.</summary>
    public void See() => _present++;

    /// <summary>User space removed an entry that may have been seen.</summary>
    public void CountRemoval() => _scan.Removed++;

    /// <summary>Call it after the scan.</summary>
    public void Complete()
    {
        var evicted = (long)(_inserted - _tables.TableChanges.SumPerCpu(_table).Removed - _scan.Removed - _present);
        _scan.Evicted = Math.Max(_scan.Evicted, (ulong)Math.Max(0, evicted));
        _tables.TableScans.Set(_table, _scan);
    }
}
