using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Events;

/// <summary>Counts left-out events: the datapath's, and flows that user space ended, which have the same limit here.</summary>
/// <param name="perSecond">The limit of each kind; 0 for none.</param>
sealed class SuppressedEvents(LbTables tables, uint perSecond, TimeProvider time)
{
    static readonly TimeSpan SummaryInterval = TimeSpan.FromSeconds(1);

    static readonly LbEventType[] Types = Enum.GetValues<LbEventType>();

    readonly ulong[] _reported = [.. Types.Select(type => Read(tables, type))];
    long _summaryAt = time.GetTimestamp();
    long _budgetAt = time.GetTimestamp();
    uint _taken;
    long _expired;

    /// <summary>True if an expired flow may be reported. Called by one thread.</summary>
    public bool TryTakeExpired()
    {
        if (time.GetElapsedTime(_budgetAt) >= SummaryInterval)
            (_budgetAt, _taken) = (time.GetTimestamp(), 0);
        if (perSecond == 0)
            return true;
        if (_taken == perSecond)
        {
            Interlocked.Increment(ref _expired);
            return false;
        }
        _taken++;
        return true;
    }

    /// <summary>What was left out since the last summary, at most once a second; null if nothing was.</summary>
    public string? TakeSummary()
    {
        if (time.GetElapsedTime(_summaryAt) < SummaryInterval)
            return null;
        _summaryAt = time.GetTimestamp();
        List<string> parts = [];
        foreach (var type in Types)
        {
            var total = Read(tables, type);
            if (total > _reported[(int)type])
                parts.Add($"{total - _reported[(int)type]} {type.ToString().ToLowerInvariant()}");
            _reported[(int)type] = total;
        }
        if (Interlocked.Exchange(ref _expired, 0) is > 0 and var expired)
            parts.Add($"{expired} expired");
        return parts.Count == 0 ? null : string.Join(", ", parts);
    }

    static ulong Read(LbTables tables, LbEventType type) =>
        tables.EventsSuppressed.SumPerCpu((uint)type);
}
