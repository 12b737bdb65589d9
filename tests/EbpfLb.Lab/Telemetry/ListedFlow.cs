using System.Text.Json;

namespace EbpfLb.Lab.Telemetry;

/// <summary>A flow as the flows command lists it, as far as specs ask.</summary>
/// <param name="Client">Address and port.</param>
/// <param name="Endpoint">Where the client asked: address and port.</param>
/// <param name="Backend">The name by which it was configured.</param>
sealed record ListedFlow(string State, string Client, string Service, string Endpoint, string Backend, long ToBackendBytes, long ToClientBytes)
{
    public static IReadOnlyList<ListedFlow> ParseAll(string json) =>
        JsonSerializer.Deserialize<IReadOnlyList<ListedFlow>>(json, JsonSerializerOptions.Web)!;
}
