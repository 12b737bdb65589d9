using System.Globalization;
using EbpfLb.Abi;
using EbpfLb.Flows;

namespace EbpfLb.Events;

/// <summary>Writes events as lines for people and scripts.</summary>
/// <param name="output">The output.</param>
/// <param name="serviceName">Returns the name of a service id.</param>
sealed class EventPrinter(TextWriter output, Func<uint, string> serviceName)
{
    /// <summary>A flow that user space ended, because it was idle or its drain time had passed.</summary>
    public void PrintExpired(in LbEvent closed, FlowEnd why) =>
        output.WriteLine($"{(why == FlowEnd.Idle ? "expired" : "drained")} {FormatFlow(closed)} => {closed.After.Destination} {FormatTotals(closed)}");

    /// <summary>What was left out, such as <c>opened 12, closed 12</c>.</summary>
    public void PrintSuppressed(string summary) =>
        output.WriteLine($"suppressed {summary} events in the last second (events-per-second)");

    public void Print(in LbEvent happened)
    {
        switch (happened.Type)
        {
            case LbEventType.Opened:
                output.WriteLine($"opened {FormatFlow(happened)} => {happened.After.Destination}");
                break;
            case LbEventType.Closed:
                output.WriteLine($"closed {FormatFlow(happened)} => {happened.After.Destination} {FormatTotals(happened)}");
                break;
            case LbEventType.Refused:
                output.WriteLine($"{FormatRefusal(happened.Reason)} {FormatFlow(happened)}");
                break;
            case LbEventType.Packet:
                output.WriteLine($"incoming {FormatProtocol(happened)} packet from: {happened.Before.Src}");
                output.WriteLine($"outgoing {FormatProtocol(happened)} packet to: {happened.After.Dst}");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(happened), happened.Type, "an event of another version");
        }
    }

    string FormatFlow(in LbEvent happened) =>
        $"{FormatProtocol(happened).ToLowerInvariant()} {happened.Before.Source} -> "
        + $"{serviceName(happened.Service)} {happened.Before.Destination}";

    static string FormatProtocol(in LbEvent happened) => ((TransportProtocol)happened.Before.Protocol).ToString().ToUpperInvariant();

    static string FormatTotals(in LbEvent happened)
    {
        var seconds = TimeSpan.FromTicks((long)(happened.DurationNs / 100)).TotalSeconds;
        return string.Create(
            CultureInfo.InvariantCulture, $"{FormatTraffic(happened)}duration={seconds:F3}s");
    }

    /// <summary>Nothing for a socket, whose packets are not seen.</summary>
    static string FormatTraffic(in LbEvent happened) =>
        happened.Packets == 0 ? "" : $"bytes={happened.Bytes} packets={happened.Packets} ";

    static string FormatRefusal(LbReason reason) => reason switch
    {
        LbReason.RefuseNoBackend => "no-backend",
        LbReason.RefuseNoPort => "no-port",
        LbReason.RefuseNoFlow => "no-room",
        LbReason.RefuseNoRoute => "no-route",
        LbReason.RefuseNoSource => "no-source",
        _ => "refused",
    };
}
