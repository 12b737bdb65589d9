using System.Text;
using System.Text.RegularExpressions;
using EbpfLb.Abi;
using EbpfLb.Commands;
using EbpfLb.Events;
using EbpfLb.Manual;
using EbpfLb.Metrics;
using EbpfLb.Status;
using EbpfLb.Unit.Configuration;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Documentation;

/// <summary>The pages of docs/reference name what the code has, no more and no less.</summary>
public sealed partial class ReferencePagesMatchTheCode
{
    [Fact]
    public void The_page_of_commands_is_the_generated_one() =>
        Assert.Equal(CommandsPage.Create(CommandLine.Create((_, _, _, _) => Task.FromResult(0))), Page("cli.md"));

    [Fact]
    public void The_page_of_reasons_has_every_reason_in_the_order_of_the_enum() => Assert.Equal(
        Enum.GetValues<LbReason>().Where(reason => (uint)reason > 0).Select(StatusNames.ToStatusString),
        Rows("reasons.md").Select(row => Code(row[0])));

    [Fact]
    public void The_page_of_reasons_has_the_event_of_every_refusal() => Assert.Equal(
        Enum.GetValues<LbReason>().Where(IsRefusal).Select(reason => (StatusNames.ToStatusString(reason), EventOf(reason))),
        Rows("reasons.md").Where(row => row[0].StartsWith("`refuse-", StringComparison.Ordinal))
            .Select(row => (Code(row[0]), Code(row[1]))));

    [Fact]
    public void Troubleshooting_has_a_remedy_for_every_refusal_and_drop()
    {
        var text = Page("troubleshooting.md");

        Assert.All(Enum.GetValues<LbReason>().Where(IsRefusal).Select(EventOf), name => Assert.Contains($"| `{name}`", text, StringComparison.Ordinal));
        Assert.All(
            Enum.GetValues<LbReason>().Select(StatusNames.ToStatusString).Where(name => name.StartsWith("drop-", StringComparison.Ordinal)),
            name => Assert.Contains($"`{name}`", text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_page_of_metrics_has_the_name_type_and_labels_of_each() => Assert.Equal(
        (await ExportedAsync()).Order(),
        Rows("metrics.md").Where(row => row[0].StartsWith("`ebpf_lb_", StringComparison.Ordinal))
            .Select(row => $"{Code(row[0])} {row[1]} {string.Join(",", Codes().Matches(row[2]).Select(label => label.Groups[1].Value))}")
            .Order());

    [Fact]
    public void The_page_of_health_has_every_state_of_a_backend() => Assert.Equal(
        Enum.GetValues<LbBackendState>().Select(state => state.ToStatusString()),
        Rows("health-and-draining.md").Select(row => Code(row[0])).Where(word => word.Length > 0));

    [Fact]
    public void The_page_on_production_has_the_sizes_and_the_version_of_the_tables()
    {
        var rows = Page("production.md").Split('\n');
        var defaults = Given.GoodFlagsBut().Configuration!;

        Assert.Contains($"| unreleased | {Limits.AbiVersion} |", rows);
        Assert.Contains(Row($"| endpoints: addresses of services, with their ports | `max-services`, {defaults.MaxServices:N0} by default, up to 65,536 |"), rows);
        Assert.Contains(Row($"| backends, of all services together | `max-backends`, {defaults.MaxBackends:N0} by default |"), rows);
        Assert.Contains($"| interfaces of one balancer | {Capacity.Interfaces} |", rows);
    }

    static string Row(FormattableString text) => FormattableString.Invariant(text);

    static bool IsRefusal(LbReason reason) => StatusNames.ToStatusString(reason).StartsWith("refuse-", StringComparison.Ordinal);

    /// <summary>The first word of the line that reports a refusal.</summary>
    static string EventOf(LbReason reason)
    {
        var line = new StringWriter();
        new EventLines(line, _ => "web").Write(new LbEvent { Type = LbEventType.Refused, Reason = reason, Before = new() { Protocol = 6 } });
        return line.ToString().Split(' ')[0];
    }

    /// <summary>Of each metric: name, type, labels. A histogram's own label for its buckets is left out.</summary>
    static async Task<List<string>> ExportedAsync()
    {
        var traffic = new TrafficStatus(1, 1, 1, 1, 1);
        var backend = new BackendStatus("web-a", "10.7.0.11:80", "up", null, 1, 1, traffic);
        var service = new ServiceStatus("web", ["10.7.0.1:80/tcp"], "nat", 1, traffic, [backend]);
        var status = new InstanceStatus
        {
            Interface = "eth0",
            Interfaces = ["eth0"],
            Hook = "tc",
            Why = "as configured",
            Running = true,
            Flows = 1,
            TablesVersion = 10,
            RoomForFlows = 1024,
            Packets = new Dictionary<string, ulong>(),
            Services = [service],
        };
        using var written = new MemoryStream();
        foreach (var registry in new[] { DatapathMetrics.Create(status), new LoopMetrics(new FakeTimeProvider()).Registry })
            await registry.CollectAndExportAsTextAsync(written);
        var text = Encoding.UTF8.GetString(written.ToArray());
        List<string> exported = [];
        foreach (Match type in Types().Matches(text))
        {
            var name = type.Groups[1].Value;
            var series = Regex.Match(text, $@"^{name}(_bucket)?(?:\{{(?<labels>.*)\}})? ", RegexOptions.Multiline);
            var labels = Labels().Matches(series.Groups["labels"].Value).Select(label => label.Groups[1].Value).Except(["le"]);
            exported.Add($"{name} {type.Groups[2].Value} {string.Join(",", labels)}");
        }
        return exported;
    }

    static IEnumerable<string[]> Rows(string page) => Page(page).Split('\n')
        .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
        .Select(line => line.Trim('|', ' ').Split(" | ", StringSplitOptions.TrimEntries));

    static string Code(string cell) => Codes().Match(cell).Groups[1].Value;

    static string Page(string name)
    {
        using var content = typeof(ReferencePagesMatchTheCode).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(content, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Codes();

    [GeneratedRegex("^# TYPE ([a-z_]+) ([a-z]+)$", RegexOptions.Multiline)]
    private static partial Regex Types();

    [GeneratedRegex("([a-z]+)=\"")]
    private static partial Regex Labels();
}
