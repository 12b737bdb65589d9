using System.Text.Json;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Telemetry;

/// <summary>What the status command tells of one instance, as far as specs ask.</summary>
/// <param name="Interfaces">Those that it stands on, the one that clients ask on first.</param>
/// <param name="Hook">The hook, as the command line writes it.</param>
/// <param name="Flows">Live flows.</param>
/// <param name="Packets">Packets by the reason for what was done with them.</param>
sealed record BalancerStatus(
    IReadOnlyList<string> Interfaces, string Hook, bool Running, int Flows, IReadOnlyDictionary<string, long> Packets,
    IReadOnlyList<ServiceStatus> Services)
{
    /// <summary>Packets that were sent on, both ways.</summary>
    public long Sent => Packets.GetValueOrDefault("sent-to-backend") + Packets.GetValueOrDefault("sent-to-client");

    /// <summary>Packets that an XDP program left to the tc program behind it.</summary>
    public long PassedToTc => Packets.GetValueOrDefault("pass-to-tc");

    /// <summary>ICMP errors about balanced packets that were passed on to their senders.</summary>
    public long SentIcmpErrors => Packets.GetValueOrDefault("sent-icmp-error");

    /// <summary>Packets that were answered because their time was up.</summary>
    public long SentTimeExceeded => Packets.GetValueOrDefault("sent-time-exceeded");

    /// <summary>Packets that were refused because no route leads to the backend.</summary>
    public long RefusedNoRoute => Packets.GetValueOrDefault("refuse-no-route");

    /// <summary>Packets that were refused because the balancer is not on the network where the backend is.</summary>
    public long RefusedNoSource => Packets.GetValueOrDefault("refuse-no-source");

    /// <summary>Packets that were answered because the way on is too narrow.</summary>
    public long SentTooBig => Packets.GetValueOrDefault("sent-too-big");

    /// <summary>Packets that were answered because their flow has no way on any more.</summary>
    public long SentUnreachable => Packets.GetValueOrDefault("sent-unreachable");

    public static IReadOnlyList<BalancerStatus> ParseAll(string json) =>
        JsonSerializer.Deserialize<IReadOnlyList<BalancerStatus>>(json, JsonSerializerOptions.Web)!;

    public IEnumerable<BackendStatus> Backends => Services.SelectMany(service => service.Backends);

    /// <summary>How a web server stands, at the address that is spoken to at present; null where it is not known any more.</summary>
    public BackendStatus? Of(Backend backend) => At(backend.Host);

    /// <summary>How a web server stands, by its address.</summary>
    public BackendStatus? At(string host) => Backends.SingleOrDefault(known => known.Address == $"{host}:80");
}

/// <param name="Listen">Endpoints with their protocol.</param>
sealed record ServiceStatus(
    string Name, IReadOnlyList<string> Listen, string Mode, TrafficStatus Traffic, IReadOnlyList<BackendStatus> Backends);

/// <param name="Name">The name by which it was configured.</param>
/// <param name="Address">Address and port.</param>
/// <param name="State">unchecked, unknown, up, down, draining or drained.</param>
/// <param name="DrainSeconds">Until a draining one's flows are cut.</param>
sealed record BackendStatus(
    string Name, string Address, string State, int? DrainSeconds, int Weight, int Flows, TrafficStatus Traffic);

/// <param name="Opened">Flows opened since the balancer's start.</param>
sealed record TrafficStatus(long Opened, long ToBackendBytes, long ToClientPackets, long ToClientBytes);
