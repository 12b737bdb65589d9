using System.Globalization;

namespace EbpfLb.Bench.Report;

/// <summary>Figures of several rounds, and how they are written.</summary>
static class Figures
{
    public static double Median(IEnumerable<double> rounds)
    {
        var sorted = rounds.Order().ToList();
        var middle = sorted.Count / 2;
        return sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>Three digits that matter, or all of a whole number, with its thousands apart.</summary>
    public static string Write(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 100 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    /// <summary>From the least to the greatest.</summary>
    public static string Spread(IReadOnlyList<double> rounds) => $"{Write(rounds.Min())} to {Write(rounds.Max())}";
}
