using System.Collections.Concurrent;

namespace EbpfLb.Providers.Names;

/// <summary>
/// The addresses of names. A name server may answer with a part of them, another part each time: an address leaves only
/// after answers have lacked it for a while. Outlives a configuration, so that a reload forgets nothing. Thread-safe.
/// </summary>
sealed class HeldAddresses(TimeProvider time)
{
    /// <summary>The number of addresses of one name; more are left out, those of the last answer at last.</summary>
    public const int Max = 1024;

    /// <summary>After this time without a look-up a name is taken for new: no configuration had it.</summary>
    public static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<string, Name> _names = [];

    /// <summary>Adds an answer, and returns the name's addresses: those of the answer, then those that are held.</summary>
    /// <param name="hold">How long an address is kept that answers lack.</param>
    /// <param name="leftOut">The number of addresses beyond <see cref="Max"/>.</param>
    public ImmutableArray<IPAddress> Update(string host, ImmutableArray<IPAddress> answer, TimeSpan hold, out int leftOut)
    {
        var name = _names.GetOrAdd(host, _ => new());
        lock (name)
        {
            var absences = name.Absences;
            if (time.GetElapsedTime(name.LookedUp) >= Forgotten)
                absences.Clear();
            name.LookedUp = time.GetTimestamp();
            foreach (var absent in absences.Keys.Except(answer).ToArray())
            {
                var since = absences[absent] ??= time.GetTimestamp();
                if (time.GetElapsedTime(since) >= hold)
                    absences.Remove(absent);
            }
            foreach (var address in answer)
                absences[address] = null;
            IPAddress[] excess = [.. absences.Keys.OrderBy(address => absences[address] is null ? 0 : 1).Skip(Max)];
            foreach (var address in excess)
                absences.Remove(address);
            leftOut = excess.Length;
            return [.. absences.Keys];
        }
    }

    /// <summary>The name server failed, which says nothing about any address.</summary>
    public void ForgetAbsences(string host)
    {
        var name = _names.GetOrAdd(host, _ => new());
        lock (name)
        {
            name.LookedUp = time.GetTimestamp();
            foreach (var address in name.Absences.Keys.ToArray())
                name.Absences[address] = null;
        }
    }

    /// <summary>The name is gone, with all its addresses.</summary>
    public void Remove(string host) => _names.TryRemove(host, out _);

    sealed class Name
    {
        /// <summary>By address: since when answers lack it; null if they do not.</summary>
        public Dictionary<IPAddress, long?> Absences { get; } = [];

        public long LookedUp { get; set; }
    }
}
