using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace EbpfLb.Lab.Telemetry;

/// <summary>Who talked to whom through which service.</summary>
public sealed record Flow(string Protocol, IPEndPoint Client, IPEndPoint Service, IPEndPoint Backend)
{
    public override string ToString() => $"{Protocol} {Client} -> {Service} => {Backend}";
}

/// <summary>A line that the balancer printed about a flow.</summary>
/// <param name="Kind">opened or closed.</param>
/// <param name="Flow">The flow.</param>
/// <param name="Service">The service's name.</param>
/// <param name="Bytes">What it carried, when it is closed.</param>
/// <param name="Duration">How long it lived, when it is closed.</param>
public sealed partial record FlowEvent(string Kind, Flow Flow, string Service, long Bytes, TimeSpan Duration)
{
    internal const string Opened = "opened", Closed = "closed";

    internal static IReadOnlyList<FlowEvent> ParseAll(string stdout) => [.. Line().Matches(stdout).Select(Read)];

    static FlowEvent Read(Match line)
    {
        var flow = new Flow(Text("protocol"), EndPoint("client"), EndPoint("vip"), EndPoint("backend"));
        return new FlowEvent(
            Text("kind"), flow, Text("service"), (long)Number("bytes"), TimeSpan.FromSeconds(Number("seconds")));

        string Text(string group) => line.Groups[group].Value;
        IPEndPoint EndPoint(string group) => IPEndPoint.Parse(Text(group));
        double Number(string group) =>
            line.Groups[group].Success ? double.Parse(Text(group), CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(
        @"^(?<kind>opened|closed) (?<protocol>tcp|udp) (?<client>\S+) -> " +
        @"(?<service>\S+) (?<vip>\S+) => (?<backend>\S+)" +
        @"( bytes=(?<bytes>\d+) packets=\d+ duration=(?<seconds>[\d.]+)s)?\r?$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Line();
}
