using System.Text.Json;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Lab.Telemetry;

/// <summary>The dashboard that users get (lab/metrics/dashboard.json).</summary>
public static class Dashboard
{
    /// <summary>Its queries as Grafana asks them where everything is selected, and rates are of so many seconds.</summary>
    public static IReadOnlyList<string> Queries(int seconds)
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "lab", "metrics", "dashboard.json")));
        return
        [
            .. Expressions(dashboard.RootElement)
                .Select(query => query
                    .Replace("$__rate_interval", $"{seconds}s", StringComparison.Ordinal)
                    .Replace("$instance", ".*", StringComparison.Ordinal)
                    .Replace("$service", ".*", StringComparison.Ordinal))
                .Distinct(),
        ];
    }

    static IEnumerable<string> Expressions(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member =>
            member is { Name: "expr", Value.ValueKind: JsonValueKind.String } ? [member.Value.GetString()!] : Expressions(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Expressions),
        _ => [],
    };
}
