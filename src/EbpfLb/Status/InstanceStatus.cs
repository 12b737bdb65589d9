using System.Text.Json.Serialization;

namespace EbpfLb.Status;

/// <summary>The status of one instance, from its pinned maps. Counters start with the instance.</summary>
/// <param name="Interface">The first interface, which names the instance.</param>
/// <param name="Interfaces">All attached interfaces, the first one first.</param>
/// <param name="Hook">As on the command line.</param>
/// <param name="Why">Why this hook was chosen.</param>
/// <param name="Running">True if the process that attached it is alive.</param>
/// <param name="Flows">Live flows.</param>
/// <param name="RoomForFlows">The number of established flows that the tables can hold.</param>
/// <param name="EventsLost">Events that found the ring buffer full.</param>
/// <param name="Packets">Packets by reason; reasons without packets are left out.</param>
sealed record InstanceStatus(
    string Interface, IReadOnlyList<string> Interfaces, string Hook, string Why, bool Running, int Flows, uint RoomForFlows, ulong EventsLost,
    IReadOnlyDictionary<string, ulong> Packets, IReadOnlyList<ServiceStatus> Services)
{
    /// <summary>Attached interfaces that are gone. Interfaces that took their names are not attached.</summary>
    public IReadOnlyList<string> Lost { get; init; } = [];

    /// <summary>Why the instance does not balance as it should, as sentences; whatever its backends are.</summary>
    [JsonIgnore]
    public IEnumerable<string> Problems
    {
        get
        {
            foreach (var name in Lost)
                yield return $"interface {name} is gone: {(Interfaces.Count == 0 ? "no traffic is balanced" : "backends behind it are unreachable")}";
            if (!Running)
                yield return $"no ebpf-lb runs on {Interface}: the datapath goes on, and follows no change. Start it again.";
        }
    }

    /// <summary>Packets per second by reason, from two snapshots.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? PacketRates { get; init; }
}

/// <param name="Listen">Endpoints with their protocol: <c>172.20.0.2:80/tcp</c>, <c>[2001:db8::2]:80/tcp</c>.</param>
/// <param name="Mode"><c>nat</c> or <c>dsr</c>.</param>
/// <param name="Flows">Live flows.</param>
sealed record ServiceStatus(
    string Name, IReadOnlyList<string> Listen, string Mode, int Flows, TrafficStatus Traffic, IReadOnlyList<BackendStatus> Backends)
{
    /// <summary>From two snapshots.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TrafficRates? Rates { get; init; }
}

/// <param name="Name">The configured name or address.</param>
/// <param name="Address">Address and port.</param>
/// <param name="State">
/// <c>unchecked</c> (no health check), <c>unknown</c> (not decided yet), <c>up</c>, <c>down</c>, <c>draining</c>, or
/// <c>drained</c>: it takes no new flow and has none.
/// </param>
/// <param name="DrainSeconds">Until a draining backend's flows are removed; null for others.</param>
/// <param name="Weight">Share of new flows; 0 if it takes none: it is down, or draining.</param>
/// <param name="Flows">Live flows.</param>
sealed record BackendStatus(
    string Name, string Address, string State, int? DrainSeconds, int Weight, int Flows, TrafficStatus Traffic)
{
    /// <summary>From two snapshots.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TrafficRates? Rates { get; init; }
}

/// <summary>Flows opened, and IP packets and bytes in both directions, since the start.</summary>
sealed record TrafficStatus(
    ulong Opened, ulong ToBackendPackets, ulong ToBackendBytes, ulong ToClientPackets, ulong ToClientBytes);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<InstanceStatus>))]
sealed partial class StatusJson : JsonSerializerContext;
