using System.Text.Json.Serialization;

namespace EbpfLb.Status;

/// <summary>The status of one instance, from its pinned maps. Counters start with the instance.</summary>
sealed record InstanceStatus
{
    /// <summary>The first interface, which names the instance.</summary>
    public required string Interface { get; init; }

    /// <summary>All attached interfaces, the first one first.</summary>
    public required IReadOnlyList<string> Interfaces { get; init; }

    /// <summary>The version of its tables' layout: a build adopts tables of its own version alone.</summary>
    public required uint TablesVersion { get; init; }

    /// <summary>As on the command line.</summary>
    public required string Hook { get; init; }

    /// <summary>Why this hook was chosen.</summary>
    public required string Why { get; init; }

    /// <summary>True if the process that attached it is alive.</summary>
    public required bool Running { get; init; }

    /// <summary>Until a process that withdraws ends; null if it does not withdraw.</summary>
    public int? WithdrawSeconds { get; init; }

    /// <summary>Live flows.</summary>
    public required int Flows { get; init; }

    /// <summary>The number of established flows that the tables can hold.</summary>
    public required uint RoomForFlows { get; init; }

    /// <summary>Events that found the ring buffer full.</summary>
    public ulong EventsLost { get; init; }

    /// <summary>
    /// Entries that full flow tables evicted, by table: <c>established</c>, <c>half-open</c>, <c>udp</c>. A connection
    /// has two. Tables without evictions are left out.
    /// </summary>
    public IReadOnlyDictionary<string, ulong> EntriesEvicted { get; init; } = new Dictionary<string, ulong>();

    /// <summary>
    /// SNAT ports that new flows took over, by the table of the flow that lost its port: <c>established</c> for one that
    /// was over, <c>half-open</c>, <c>udp</c>. Tables without take-overs are left out.
    /// </summary>
    public IReadOnlyDictionary<string, ulong> PortsTakenOver { get; init; } = new Dictionary<string, ulong>();

    /// <summary>SNAT ports that rested for less than a minute because the table of resting ports was full.</summary>
    public ulong RestsCutShort { get; init; }

    /// <summary>Packets by reason; reasons without packets are left out.</summary>
    public required IReadOnlyDictionary<string, ulong> Packets { get; init; }
    public required IReadOnlyList<ServiceStatus> Services { get; init; }

    /// <summary>Attached interfaces that are gone. Interfaces that took their names are not attached.</summary>
    public IReadOnlyList<string> Lost { get; init; } = [];

    /// <summary>The cgroups whose clients are balanced at their sockets.</summary>
    public IReadOnlyList<string> Cgroups { get; init; } = [];

    /// <summary>Those of them that are gone.</summary>
    public IReadOnlyList<string> LostCgroups { get; init; } = [];

    /// <summary>Open sockets that were given a backend; <see cref="Flows"/> counts them too.</summary>
    public int Sockets { get; init; }

    /// <summary>Those of <see cref="Interfaces"/> that are set down.</summary>
    public IReadOnlyList<string> Down { get; init; } = [];

    /// <summary>Why the instance does not balance as it should, as sentences; whatever its backends are.</summary>
    [JsonIgnore]
    public IEnumerable<string> Problems =>
        [.. PacketProblems, .. LostCgroups.Select(path => $"cgroup {path} is gone: nothing in it is balanced")];

    /// <summary>Those of <see cref="Problems"/> that concern clients on other machines.</summary>
    [JsonIgnore]
    public IEnumerable<string> PacketProblems
    {
        get
        {
            foreach (var name in Lost)
                yield return $"interface {name} is gone: {(Interfaces.Count > 0 ? "backends behind it are unreachable"
                    : Running ? "no traffic is balanced"
                    : $"no traffic is balanced. Create it again and start ebpf-lb, or run `ebpf-lb detach --interface {name}`.")}";
            foreach (var name in Down)
                yield return $"interface {name} is down: no traffic is balanced there. Run `ip link set {name} up`.";
            if (!Running && Interfaces.Count > 0)
                yield return $"no runner process on {Interface}: packets are still balanced, without health checks or updates. Start it again.";
        }
    }

    /// <summary>Packets per second by reason, from two snapshots.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? PacketRates { get; init; }
}

/// <param name="Listen">Endpoints with their protocol: <c>172.20.0.2:80/tcp</c>, <c>[2001:db8::2]:80/tcp</c>.</param>
/// <param name="Mode"><c>nat</c>, <c>dsr</c> or <c>tunnel</c>.</param>
/// <param name="Flows">Live flows.</param>
sealed record ServiceStatus(
    string Name, IReadOnlyList<string> Listen, string Mode, int Flows, TrafficStatus Traffic, IReadOnlyList<BackendStatus> Backends)
{
    /// <summary>
    /// The NAT source of the IP versions that the service listens on: <c>interface</c>, or an address of each version; empty
    /// for the default, and in modes other than nat.
    /// </summary>
    public IReadOnlyList<string> NatSource { get; init; } = [];

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
[JsonSerializable(typeof(BalancerHealth))]
sealed partial class StatusJson : JsonSerializerContext;
