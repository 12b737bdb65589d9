using System.Globalization;

namespace EbpfLb.Lab.Telemetry;

/// <summary>A block that the watch command printed, of one service: new flows a second.</summary>
/// <param name="OfBackends">By the name by which they were configured.</param>
/// <param name="OfAll">Of the service.</param>
public sealed record WatchedRates(IReadOnlyDictionary<string, double> OfBackends, double OfAll)
{
    const string All = "all";

    public static IReadOnlyList<WatchedRates> ParseAll(string text) =>
        [.. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(Parse)];

    static WatchedRates Parse(string block)
    {
        // From the right: new flows, packets in and out, bytes in and out.
        var rates = block.Split('\n')
            .Where(line => line.StartsWith("    ", StringComparison.Ordinal) && !line.Contains("NEW/S", StringComparison.Ordinal))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .GroupBy(words => words[0], words => double.Parse(words[^5], CultureInfo.InvariantCulture))
            .ToDictionary(rates => rates.Key, rates => rates.Sum()); // a backend may have an address of each family
        return rates.Remove(All, out var all)
            ? new WatchedRates(rates, all)
            : throw new LabException($"this is no block of rates: {block}");
    }
}
