using System.Text.Json.Serialization;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;

namespace EbpfLb.Events;

/// <summary>Writes each event as one JSON object on a line of its own.</summary>
sealed class EventJson(TextWriter output, Func<uint, string> serviceName, TimeProvider time) : IEventWriter
{
    public void WriteReady(string line) => Write(new EventRecord { Event = EventNames.Ready, Message = line });

    public void Write(in LbEvent happened) => Write(happened.Type == LbEventType.Packet
        ? new EventRecord
        {
            Event = EventNames.Packet,
            Protocol = happened.Protocol.ToConfigString(),
            From = $"{happened.Before.Source}",
            To = $"{happened.After.Destination}",
        }
        : Flow(EventNames.From(happened), happened));

    public void WriteEnded(in LbEvent closed, FlowEnd why) => Write(Flow(EventNames.From(why), closed));

    public void WriteSuppressed(string summary) => Write(new EventRecord { Event = EventNames.Suppressed, Message = summary });

    EventRecord Flow(string name, in LbEvent happened)
    {
        var opened = new EventRecord
        {
            Event = name,
            Protocol = happened.Protocol.ToConfigString(),
            Client = $"{happened.Before.Source}",
            Service = serviceName(happened.Service),
            Endpoint = $"{happened.Before.Destination}",
            Backend = happened.HasBackend ? $"{happened.After.Destination}" : null,
        };
        if (happened.Type != LbEventType.Closed)
            return opened;
        var closed = opened with { DurationSeconds = Math.Round(happened.Duration.TotalSeconds, 3) };
        return happened.Packets == 0 ? closed : closed with { Bytes = happened.Bytes, Packets = happened.Packets };
    }

    void Write(EventRecord record) =>
        output.WriteLine(JsonText.Format(record with { Time = time.GetUtcNow().UtcDateTime }, EventRecordJson.Default.EventRecord));
}

/// <summary>An event as JSON has it. Members that an event does not have are left out.</summary>
sealed record EventRecord
{
    /// <summary>UTC.</summary>
    public DateTime Time { get; init; }

    /// <summary>See <see cref="EventNames"/>.</summary>
    public required string Event { get; init; }
    public string? Protocol { get; init; }

    /// <summary>Address and port, as all endpoints here.</summary>
    public string? Client { get; init; }
    public string? Service { get; init; }

    /// <summary>Of the service, as the client connects to it.</summary>
    public string? Endpoint { get; init; }
    public string? Backend { get; init; }

    /// <summary>Of a packet, as it came and as it went on.</summary>
    public string? From { get; init; }
    public string? To { get; init; }

    /// <summary>Both directions; null for a socket, whose packets are not seen.</summary>
    public ulong? Bytes { get; init; }
    public ulong? Packets { get; init; }
    public double? DurationSeconds { get; init; }
    public string? Message { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventRecord))]
sealed partial class EventRecordJson : JsonSerializerContext;
