using System.Text.Json.Serialization;

namespace EbpfLb.Status;

/// <summary>What the pinned maps of one instance tell. Counters count from the instance's start.</summary>
/// <param name="Interface">The interface that clients ask on, which names the instance too.</param>
/// <param name="Interfaces">Those that it stands on: that one, and then all others.</param>
/// <param name="Hook">The hook as the command line writes it.</param>
/// <param name="Why">Why this hook was taken.</param>
/// <param name="Running">Is the process that attached it alive?</param>
/// <param name="Flows">Live flows.</param>
/// <param name="RoomForFlows">How many established flows there is room for.</param>
/// <param name="EventsLost">Events that found the ring buffer full.</param>
/// <param name="Packets">Packets by what became of them, those that never happened left out.</param>
sealed record InstanceStatus(
    string Interface, IReadOnlyList<string> Interfaces, string Hook, string Why, bool Running, int Flows, uint RoomForFlows, ulong EventsLost,
    IReadOnlyDictionary<string, ulong> Packets, IReadOnlyList<ServiceStatus> Services)
{
    /// <summary>Interfaces that it stood on and that are gone: nothing comes or goes by them, whatever has their names now.</summary>
    public IReadOnlyList<string> Lost { get; init; } = [];

    /// <summary>Packets a second by what became of them, where two readings were taken.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? PacketRates { get; init; }
}

/// <param name="Listen">Endpoints with their protocol: <c>172.20.0.2:80/tcp</c>, <c>[2001:db8::2]:80/tcp</c>.</param>
/// <param name="Mode"><c>nat</c> or <c>dsr</c>.</param>
/// <param name="Flows">Live flows.</param>
sealed record ServiceStatus(
    string Name, IReadOnlyList<string> Listen, string Mode, int Flows, TrafficStatus Traffic, IReadOnlyList<BackendStatus> Backends)
{
    /// <summary>Where two readings were taken.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TrafficRates? Rates { get; init; }
}

/// <param name="Name">The name or address by which it was configured.</param>
/// <param name="Address">Address and port.</param>
/// <param name="State">
/// <c>unchecked</c> (no health check), <c>unknown</c> (not decided yet), <c>up</c>, <c>down</c>, <c>draining</c>, or
/// <c>drained</c>: it takes no new flow and has none.
/// </param>
/// <param name="DrainSeconds">Until a draining one's flows are cut; null for others.</param>
/// <param name="Weight">Share of new flows; 0 for one that takes none: it is down, or draining.</param>
/// <param name="Flows">Live flows.</param>
sealed record BackendStatus(
    string Name, string Address, string State, int? DrainSeconds, int Weight, int Flows, TrafficStatus Traffic)
{
    /// <summary>Where two readings were taken.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TrafficRates? Rates { get; init; }
}

/// <summary>Flows opened, and IP packets and their bytes in both directions, from the start.</summary>
sealed record TrafficStatus(
    ulong Opened, ulong ToBackendPackets, ulong ToBackendBytes, ulong ToClientPackets, ulong ToClientBytes);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<InstanceStatus>))]
sealed partial class StatusJson : JsonSerializerContext;
