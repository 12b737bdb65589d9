namespace EbpfLb.Commands;

/// <summary>Numbers and durations for people.</summary>
static class Quantity
{
    static readonly (double Size, string Name)[] Units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];

    /// <summary>A count in at most six characters: 8320, 12.3k, 47.1M.</summary>
    public static string Short(ulong count) => count < 10_000 ? $"{count}" : Short((double)count);

    /// <summary>A rate in about four digits: 0.5, 8320.0, 12.3k, 47.1M.</summary>
    public static string Short(double rate)
    {
        var (size, name) = Units.FirstOrDefault(unit => rate >= 10 * unit.Size, (1, ""));
        return (rate / size).ToString("F1", CultureInfo.InvariantCulture) + name;
    }

    /// <summary>A duration in its two largest units: 0.3s, 12.0s, 3m05s, 2h07m, 4d11h.</summary>
    public static string Short(TimeSpan time) => time switch
    {
        { TotalMinutes: < 1 } => time.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture) + "s",
        { TotalHours: < 1 } => $"{time.Minutes}m{time.Seconds:00}s",
        { TotalDays: < 1 } => $"{time.Hours}h{time.Minutes:00}m",
        _ => $"{time.Days}d{time.Hours:00}h",
    };
}
