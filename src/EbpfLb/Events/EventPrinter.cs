using System.Globalization;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Events;

/// <summary>Writes events as lines that people read and scripts can parse.</summary>
/// <param name="output">Where to.</param>
/// <param name="serviceName">The name of a service id.</param>
sealed class EventPrinter(TextWriter output, Func<uint, string> serviceName)
{
    /// <summary>The end of a flow that was seen no more, or that was cut, rather than closed by its ends.</summary>
    public void PrintExpired(in LbEvent closed, FlowEnd why) =>
        output.WriteLine($"{(why == FlowEnd.Idle ? "expired" : "drained")} {Flow(closed)} => {closed.After.Destination} {Totals(closed)}");

    public void Print(in LbEvent happened)
    {
        switch (happened.Type)
        {
            case LbEventType.Opened:
                output.WriteLine($"opened {Flow(happened)} => {happened.After.Destination}");
                break;
            case LbEventType.Closed:
                output.WriteLine($"closed {Flow(happened)} => {happened.After.Destination} {Totals(happened)}");
                break;
            case LbEventType.Refused:
                output.WriteLine($"{Refusal(happened.Reason)} {Flow(happened)}");
                break;
            case LbEventType.Packet:
                output.WriteLine($"incoming {Protocol(happened)} packet from: {happened.Before.Src}");
                output.WriteLine($"outgoing {Protocol(happened)} packet to: {happened.After.Dst}");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(happened), happened.Type, "an event of another version");
        }
    }

    string Flow(in LbEvent happened) =>
        $"{Protocol(happened).ToLowerInvariant()} {happened.Before.Source} -> "
        + $"{serviceName(happened.Service)} {happened.Before.Destination}";

    static string Protocol(in LbEvent happened) => ((TransportProtocol)happened.Before.Protocol).ToString().ToUpperInvariant();

    static string Totals(in LbEvent happened)
    {
        var seconds = TimeSpan.FromTicks((long)(happened.DurationNs / 100)).TotalSeconds;
        return string.Create(
            CultureInfo.InvariantCulture, $"bytes={happened.Bytes} packets={happened.Packets} duration={seconds:F3}s");
    }

    static string Refusal(LbReason reason) => reason switch
    {
        LbReason.RefuseNoBackend => "no-backend",
        LbReason.RefuseNoPort => "no-port",
        LbReason.RefuseNoFlow => "no-room",
        LbReason.RefuseNoRoute => "no-route",
        LbReason.RefuseNoSource => "no-source",
        _ => "refused",
    };
}
