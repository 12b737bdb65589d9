using System.Collections.Immutable;
using System.Net;

namespace EbpfLb.Configuration;

/// <summary>Where the datapath is attached. <see cref="Auto"/> lets the runner choose and say why.</summary>
enum HookKind { Auto, Tc, XdpNative, XdpGeneric }

/// <summary>What the kernel reports: nothing, flows, or flows and every packet.</summary>
enum EventLevel { Off, Flows, Packets }

/// <summary>How logs are written: as lines for people, or as JSON objects, one a line.</summary>
enum LogFormat { Lines, Json }

/// <summary>How a backend is chosen for a new flow. The values are those of <c>enum lb_algorithm</c>.</summary>
enum Algorithm { RoundRobin, Random, SourceHash, Maglev, LeastConnections }

/// <summary>How packets get to the backend and answers back. The values are those of <c>enum lb_mode</c>.</summary>
enum ForwardingMode { Nat, Dsr }

/// <summary>What the user wants, validated as a whole. Host names are not resolved yet.</summary>
sealed record LoadBalancerConfiguration
{
    /// <summary>The datapath stands on at most so many interfaces.</summary>
    public const int MaxInterfaces = 16;

    /// <summary>The tables hold at most so many services.</summary>
    public const int MaxServices = 1024;

    /// <summary>The first is the one that a service without an address listens on.</summary>
    public required ImmutableArray<string> Interfaces { get; init; }
    public required HookKind Hook { get; init; }
    public required EventLevel Events { get; init; }

    /// <summary>How many established flows there is room for.</summary>
    public uint Flows { get; init; } = FlowTableSize.Default;
    public TimeoutConfiguration Timeouts { get; init; } = new();

    /// <summary>Where metrics and the process's health are served; null for nowhere.</summary>
    public IPEndPoint? Metrics { get; init; }
    public LogFormat Logs { get; init; }

    /// <summary>Does the datapath go on where the process is asked to end?</summary>
    public bool LeaveAttached { get; init; }

    /// <summary>
    /// Is what an ended process left removed, not taken over? Said for one start, by a flag only; two configurations that
    /// differ in nothing else are equal.
    /// </summary>
    public bool Replace { get; init; }
    public required ImmutableArray<ServiceConfiguration> Services { get; init; }

    /// <summary>Where containers become backends by their labels; null where they do not.</summary>
    public DockerConfiguration? Docker { get; init; }

    public bool Equals(LoadBalancerConfiguration? other) =>
        other is not null && Interfaces.SequenceEqual(other.Interfaces) && Hook == other.Hook && Events == other.Events
        && Flows == other.Flows && Timeouts == other.Timeouts
        && Equals(Metrics, other.Metrics) && Logs == other.Logs && Docker == other.Docker
        && LeaveAttached == other.LeaveAttached && Services.SequenceEqual(other.Services);

    public override int GetHashCode() => HashCode.Combine(Interfaces.Length, Hook, Events, Services.Length);
}

/// <summary>One balanced endpoint and its backends. Backends may be empty.</summary>
sealed record ServiceConfiguration
{
    public static readonly TimeSpan DefaultDrain = TimeSpan.FromSeconds(30);

    public required string Name { get; init; }
    public required ListenEndpoint Listen { get; init; }
    public Algorithm Algorithm { get; init; }
    public ForwardingMode Mode { get; init; }

    /// <summary>How long a backend that takes no new flow any more may keep those it has.</summary>
    public TimeSpan Drain { get; init; } = DefaultDrain;

    /// <summary>Null where backends are not checked.</summary>
    public HealthConfiguration? Health { get; init; }
    public required ImmutableArray<BackendConfiguration> Backends { get; init; }

    public bool Equals(ServiceConfiguration? other) =>
        other is not null && Name == other.Name && Listen == other.Listen
        && Algorithm == other.Algorithm && Mode == other.Mode && Drain == other.Drain
        && Health == other.Health && Backends.SequenceEqual(other.Backends);

    public override int GetHashCode() => HashCode.Combine(Name, Listen, Backends.Length);
}

/// <summary>What clients connect to.</summary>
/// <param name="Address">Null for the interface's own, of both families.</param>
/// <param name="Port">In host byte order; 0 is every port but those that the local stack hands out.</param>
/// <param name="Protocol">TCP or UDP.</param>
sealed record ListenEndpoint(IPAddress? Address, ushort Port, TransportProtocol Protocol)
{
    public override string ToString() =>
        $"{(Address is null ? $"self:{EndPoints.FormatPort(Port)}" : EndPoints.Format(Address, Port))}/{Protocol.ToConfigString()}";
}

/// <summary>A server, by address or by a name, each address of which is a backend of its own.</summary>
/// <param name="Host">An address, without brackets, or a host name.</param>
/// <param name="Port">In host byte order; 0 is the port that the client asked for.</param>
/// <param name="Weight">Share of new flows among the service's backends, 0 to 100; 0 takes no new flow.</param>
sealed record BackendConfiguration(string Host, ushort Port, int Weight)
{
    public override string ToString() => $"{(Host.Contains(':') ? $"[{Host}]" : Host)}:{EndPoints.FormatPort(Port)}";
}
