using EbpfLb.Abi;
using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>
/// The backends by id. A scan ends behind the highest id that was used: by default the map has 65,536 entries, few are
/// used, and the kernel takes as long for a free one. One process writes: what another one writes after the first scan
/// may be missed.
/// </summary>
sealed class BackendTable(Fd fd, string name) : BpfMap<uint, LbBackend>(fd, name)
{
    readonly Lock _lock = new();
    uint _end; // behind the highest id that was used
    volatile bool _isScanned;

    public override void Set(uint key, LbBackend value)
    {
        Extend(key);
        base.Set(key, value);
    }

    /// <summary>Visits all entries in use, and free ones between them.</summary>
    public void ForEach(BpfBatch.Visit<uint, LbBackend> visit)
    {
        if (!_isScanned)
            FindEnd();
        BpfBatch.ForEach(this, visit, Volatile.Read(ref _end));
    }

    /// <summary>The map may have the backends of a former process.</summary>
    void FindEnd()
    {
        BpfBatch.ForEach(this, (in id, in backend) =>
        {
            if (!backend.IsFree)
                Extend(id);
        });
        _isScanned = true;
    }

    void Extend(uint id)
    {
        lock (_lock)
            _end = Math.Max(_end, id + 1);
    }
}
