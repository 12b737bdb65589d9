using System.Globalization;

namespace EbpfLb.Lab.Telemetry;

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
    /// <param name="labels">As the format writes them, without their braces; nothing where it has none.</param>
    public double Value(string name, string labels = "")
    {
        var key = labels.Length == 0 ? name : $"{name}{{{labels}}}";
        return _values.TryGetValue(key, out var value)
            ? value
            : throw new LabException($"no {key} among: {string.Join(' ', _values.Keys)}");
    }
}
