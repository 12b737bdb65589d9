using System.Globalization;

namespace EbpfLb.E2E.Lab.Telemetry;

/// <summary>One scrape of metrics in Prometheus' text format: values by name and labels.</summary>
sealed class Scrape
{
    readonly Dictionary<string, double> _values;

    Scrape(Dictionary<string, double> values) => _values = values;

    public static Scrape Parse(string text) => new(text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Where(line => !line.StartsWith('#'))
        .ToDictionary(
            line => line[..line.LastIndexOf(' ')],
            line => double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture)));

    /// <param name="name">Of the metric.</param>
    /// <param name="labels">As the format writes them, without their braces.</param>
    public double Value(string name, string labels) => _values.TryGetValue($"{name}{{{labels}}}", out var value)
        ? value
        : throw new LabException($"no {name}{{{labels}}} among: {string.Join(' ', _values.Keys)}");
}
