using System.Collections.Immutable;
using System.Net;

namespace EbpfLb.Configuration;

/// <summary>Where the datapath is attached. <see cref="Auto"/> lets the balancer choose.</summary>
enum HookKind { Auto, Tc, XdpNative, XdpGeneric }

/// <summary>What the datapath reports: nothing, flows, or flows and every packet.</summary>
enum EventLevel { Off, Flows, Packets }

/// <summary>How logs are written: as lines for people, or as one JSON object per line.</summary>
enum LogFormat { Lines, Json }

/// <summary>How a backend is selected for a new flow. The values are those of <c>enum lb_algorithm</c>.</summary>
enum Algorithm { RoundRobin, Random, SourceHash, Maglev, LeastConnections }

/// <summary>How packets reach the backend and replies return. The values are those of <c>enum lb_mode</c>.</summary>
enum ForwardingMode { Nat, Dsr }

/// <summary>A validated configuration. Host names are not resolved yet.</summary>
sealed record LoadBalancerConfiguration
{
    /// <summary>The maximum number of interfaces.</summary>
    public const int MaxInterfaces = 16;

    /// <summary>The maximum number of services.</summary>
    public const int MaxServices = 1024;

    /// <summary>A service without an address listens on the first one's addresses.</summary>
    public required ImmutableArray<string> Interfaces { get; init; }
    public required HookKind Hook { get; init; }
    public required EventLevel Events { get; init; }

    /// <summary>The number of established flows that the tables can hold.</summary>
    public uint Flows { get; init; } = FlowTableSize.Default;
    public TimeoutConfiguration Timeouts { get; init; } = new();

    /// <summary>Where metrics and the health endpoint are served; null for nowhere.</summary>
    public IPEndPoint? Metrics { get; init; }
    public LogFormat Logs { get; init; }

    /// <summary>True if the datapath stays attached when the process is asked to end.</summary>
    public bool LeaveAttached { get; init; }

    /// <summary>
    /// True if state of an ended process is removed instead of adopted. Set by a flag for one start; not part of
    /// equality.
    /// </summary>
    public bool Replace { get; init; }
    public required ImmutableArray<ServiceConfiguration> Services { get; init; }

    /// <summary>Where labelled containers become backends; null if they do not.</summary>
    public DockerConfiguration? Docker { get; init; }

    public bool Equals(LoadBalancerConfiguration? other) =>
        other is not null && Interfaces.SequenceEqual(other.Interfaces) && Hook == other.Hook && Events == other.Events
        && Flows == other.Flows && Timeouts == other.Timeouts
        && Equals(Metrics, other.Metrics) && Logs == other.Logs && Docker == other.Docker
        && LeaveAttached == other.LeaveAttached && Services.SequenceEqual(other.Services);

    public override int GetHashCode() => HashCode.Combine(Interfaces.Length, Hook, Events, Services.Length);
}

/// <summary>A balanced endpoint and its backends, which may be none.</summary>
sealed record ServiceConfiguration
{
    public static readonly TimeSpan DefaultDrain = TimeSpan.FromSeconds(30);

    public required string Name { get; init; }
    public required ListenEndpoint Listen { get; init; }
    public Algorithm Algorithm { get; init; }
    public ForwardingMode Mode { get; init; }

    /// <summary>How long a backend that takes no new flow may keep its flows.</summary>
    public TimeSpan Drain { get; init; } = DefaultDrain;

    /// <summary>Null if backends are not checked.</summary>
    public HealthConfiguration? Health { get; init; }
    public required ImmutableArray<BackendConfiguration> Backends { get; init; }

    public bool Equals(ServiceConfiguration? other) =>
        other is not null && Name == other.Name && Listen == other.Listen
        && Algorithm == other.Algorithm && Mode == other.Mode && Drain == other.Drain
        && Health == other.Health && Backends.SequenceEqual(other.Backends);

    public override int GetHashCode() => HashCode.Combine(Name, Listen, Backends.Length);
}

/// <summary>The endpoint that clients connect to.</summary>
/// <param name="Address">Null for all of the interface's own addresses.</param>
/// <param name="Port">In host byte order; 0 is every port outside the local port range.</param>
/// <param name="Protocol">TCP or UDP.</param>
sealed record ListenEndpoint(IPAddress? Address, ushort Port, TransportProtocol Protocol)
{
    public override string ToString() =>
        $"{(Address is null ? $"self:{EndPoints.FormatPort(Port)}" : EndPoints.Format(Address, Port))}/{Protocol.ToConfigString()}";
}

/// <summary>A server by address or host name. Each address of a name is a backend.</summary>
/// <param name="Host">An address, without brackets, or a host name.</param>
/// <param name="Port">In host byte order; 0 is the port that the client connects to.</param>
/// <param name="Weight">Share of new flows among the service's backends, 0 to 100; 0 takes no new flow.</param>
sealed record BackendConfiguration(string Host, ushort Port, int Weight)
{
    public override string ToString() => $"{(Host.Contains(':') ? $"[{Host}]" : Host)}:{EndPoints.FormatPort(Port)}";
}
