using System.Text.Json;
using System.Text.Json.Serialization;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>A flow as printed.</summary>
/// <param name="Interface">The instance's first interface.</param>
/// <param name="State"><c>opening</c>, <c>established</c> or <c>ended</c>.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
/// <param name="Client">Address and port.</param>
/// <param name="Service">The configured name.</param>
/// <param name="Endpoint">The service's address and port.</param>
/// <param name="Backend">The configured name or address.</param>
/// <param name="BackendAddress">Address and port.</param>
/// <param name="Age">Seconds since it opened.</param>
/// <param name="Idle">Seconds since its last packet.</param>
sealed record FlowRow(
    string Interface, string State, string Protocol, string Client, string Service, string Endpoint, string Backend,
    string BackendAddress, ulong ToBackendPackets, ulong ToBackendBytes, ulong ToClientPackets, ulong ToClientBytes,
    double Age, double Idle)
{
    public static FlowRow From(Flow flow) => new(
        flow.Source.Instance,
        JsonNamingPolicy.KebabCaseLower.ConvertName($"{flow.State}"),
        ((TransportProtocol)flow.Client.Protocol).ToConfigString(),
        $"{flow.Client.Source}",
        flow.Source.ServiceName(flow.Forward.Service),
        $"{flow.Client.Destination}",
        flow.Source.BackendName(flow.Forward.Backend),
        $"{flow.Forward.Rewritten.Destination}",
        flow.Forward.Packets,
        flow.Forward.Bytes,
        flow.Reply.Packets,
        flow.Reply.Bytes,
        Math.Round(flow.Age.TotalSeconds, 3),
        Math.Round(flow.Idle.TotalSeconds, 3));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FlowRow))]
sealed partial class FlowJson : JsonSerializerContext;
