using System.Text.Json;
using System.Text.Json.Serialization;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>A flow as printed; endpoints are an address and a port.</summary>
sealed record FlowRow
{
    /// <summary>The instance's first interface.</summary>
    public required string Interface { get; init; }

    /// <summary><c>opening</c>, <c>established</c>, <c>ended</c> or <c>socket</c>.</summary>
    public required string State { get; init; }
    public required string Protocol { get; init; }
    public required string Client { get; init; }
    public required string Service { get; init; }

    /// <summary>Of the service.</summary>
    public required string Endpoint { get; init; }

    /// <summary>The configured name or address.</summary>
    public required string Backend { get; init; }
    public required string BackendAddress { get; init; }
    public ulong ToBackendPackets { get; init; }
    public ulong ToBackendBytes { get; init; }
    public ulong ToClientPackets { get; init; }
    public ulong ToClientBytes { get; init; }

    /// <summary>Seconds since it opened.</summary>
    public double Age { get; init; }

    /// <summary>Seconds since its last packet.</summary>
    public double Idle { get; init; }

    public static FlowRow From(Flow flow) => new()
    {
        Interface = flow.Source.Instance,
        State = JsonNamingPolicy.KebabCaseLower.ConvertName($"{flow.State}"),
        Protocol = ((TransportProtocol)flow.Client.Protocol).ToConfigString(),
        Client = $"{flow.Client.Source}",
        Service = flow.Source.ServiceName(flow.Forward.Service),
        Endpoint = $"{flow.Client.Destination}",
        Backend = flow.Source.BackendName(flow.Forward.Backend),
        BackendAddress = $"{flow.Forward.Rewritten.Destination}",
        ToBackendPackets = flow.Forward.Packets,
        ToBackendBytes = flow.Forward.Bytes,
        ToClientPackets = flow.Reply.Packets,
        ToClientBytes = flow.Reply.Bytes,
        Age = Math.Round(flow.Age.TotalSeconds, 3),
        Idle = Math.Round(flow.Idle.TotalSeconds, 3),
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FlowRow))]
sealed partial class FlowJson : JsonSerializerContext;
