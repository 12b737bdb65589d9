using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;

namespace EbpfLb.Events;

/// <summary>Writes events as lines for people and scripts.</summary>
sealed class EventLines(TextWriter output, Func<uint, string> serviceName) : IEventWriter
{
    public void WriteReady(string line) => output.WriteLine(line);

    public void Write(in LbEvent happened)
    {
        switch (happened.Type)
        {
            case LbEventType.Opened:
                output.WriteLine($"{EventNames.From(happened)} {FormatFlow(happened)} => {happened.After.Destination}");
                break;
            case LbEventType.Closed:
                WriteClosed(EventNames.From(happened), happened);
                break;
            case LbEventType.Packet:
                var protocol = $"{happened.Protocol}".ToUpperInvariant();
                output.WriteLine($"incoming {protocol} packet from: {happened.Before.Src}");
                output.WriteLine($"outgoing {protocol} packet to: {happened.After.Dst}");
                break;
            default:
                output.WriteLine($"{EventNames.From(happened)} {FormatFlow(happened)}"
                    + (happened.HasBackend ? $" => {happened.After.Destination}" : ""));
                break;
        }
    }

    public void WriteEnded(in LbEvent closed, FlowEnd why) => WriteClosed(EventNames.From(why), closed);

    public void WriteSuppressed(string summary) =>
        output.WriteLine($"{EventNames.Suppressed} {summary} events in the last second (events-per-second)");

    void WriteClosed(string name, in LbEvent closed)
    {
        var seconds = closed.Duration.TotalSeconds;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name} {FormatFlow(closed)} => {closed.After.Destination} {FormatTraffic(closed)}duration={seconds:F3}s"));
    }

    /// <summary>Nothing for a socket, whose packets are not seen.</summary>
    static string FormatTraffic(in LbEvent closed) => closed.Packets == 0 ? "" : $"bytes={closed.Bytes} packets={closed.Packets} ";

    string FormatFlow(in LbEvent happened) =>
        $"{happened.Protocol.ToConfigString()} {happened.Before.Source} -> "
        + $"{serviceName(happened.Service)} {happened.Before.Destination}";
}
