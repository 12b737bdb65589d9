using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.Lab.Telemetry;

/// <summary>What the balancer says of flows, beside what clients and backends say of them.</summary>
static class FlowEvents
{
    static readonly TimeSpan LongestReport = TimeSpan.FromSeconds(10);

    /// <summary>The flows that a client's answers came by, each request on a connection of its own.</summary>
    public static IEnumerable<Flow> FlowsOf(IEnumerable<Answer> answers, Balancer balancer) => InOrder(
        from answer in answers
        let service = new IPEndPoint(balancer.Address, answer.ServerAddress.Port)
        select new Flow("tcp", answer.Client, service, answer.ServerAddress));

    public static IEnumerable<Flow> Opened(this IEnumerable<FlowEvent> events) => OfKind(events, FlowEvent.Opened);

    public static IEnumerable<Flow> Closed(this IEnumerable<FlowEvent> events) => OfKind(events, FlowEvent.Closed);

    /// <summary>Waits until so many flows are reported closed; returns all events until then.</summary>
    public static Task<IReadOnlyList<FlowEvent>> EventuallyReportsClosedAsync(this Balancer balancer, int flows) =>
        Eventually.That($"{balancer.Name} reports {flows} flows closed", balancer.FlowEventsAsync,
            events => events.Closed().Count() >= flows, LongestReport, events => string.Join('\n', events));

    /// <summary>Waits until so many flows are reported opened, one by one or in sums; returns all lines until then.</summary>
    public static Task<IReadOnlyList<string>> EventuallyReportsOpenedAsync(this Balancer balancer, int flows) =>
        Eventually.That($"{balancer.Name} reports {flows} flows opened", balancer.LinesAsync,
            lines => lines.Sum(Opened) == flows, LongestReport, lines => string.Join('\n', lines));

    /// <summary>Waits until a line is printed.</summary>
    public static Task EventuallyPrintsAsync(this Balancer balancer, string line) => Eventually.That(
        $"{balancer.Name} prints '{line}'", balancer.LinesAsync,
        lines => lines.Contains(line), LongestReport, lines => string.Join('\n', lines));

    /// <summary>How many flows a line reports as opened.</summary>
    static int Opened(string line) =>
        line.StartsWith($"{FlowEvent.Opened} ", StringComparison.Ordinal) ? 1
        : Regex.Match(line, @"^suppressed .*?(\d+) opened") is { Success: true } sum ? int.Parse(sum.Groups[1].Value, CultureInfo.InvariantCulture)
        : 0;

    static IEnumerable<Flow> OfKind(IEnumerable<FlowEvent> events, string kind) =>
        InOrder(events.Where(one => one.Kind == kind).Select(one => one.Flow));

    static IEnumerable<Flow> InOrder(IEnumerable<Flow> flows) =>
        flows.OrderBy(flow => flow.ToString(), StringComparer.Ordinal);
}
