namespace EbpfLb.Configuration;

/// <summary>How a backend is selected for a new flow. The values are those of <c>enum lb_algorithm</c>.</summary>
enum Algorithm { RoundRobin, Random, SourceHash, Maglev, LeastConnections }

/// <summary>How packets reach the backend and replies return.</summary>
enum ForwardingMode { Nat, Dsr, Tunnel }

/// <summary>The outer header in mode tunnel.</summary>
enum Encapsulation { Gue, Ipip }

/// <summary>The policy for established flows of a backend that is down.</summary>
enum DownPolicy
{
    /// <summary>Keep them: the backend may come back before clients give up.</summary>
    Keep,

    /// <summary>Remove them within seconds: the client's next segment is refused, and it can connect again.</summary>
    Reset,
}

/// <summary>A balanced endpoint and its backends, which may be none; <see cref="Settings"/> says what each member means.</summary>
sealed record ServiceConfiguration
{
    public static readonly Section<ServiceConfiguration> Settings = new(() => new(),
        new ValueSetting<ServiceConfiguration, string>("name",
            "How status, flows, events, metrics and labels call the service",
            SettingType<string>.Text("NAME", "1 to 63 letters, digits, '.', '_' and '-'", Syntax.CheckServiceName),
            s => s.Name, (s, value) => s with { Name = value })
        { Flag = null, Default = "the endpoint, as in tcp-80" },
        new ValueSetting<ServiceConfiguration, ListenEndpoint?>("listen",
            "Endpoint that clients connect to; without an address all of the first interface's own, without a protocol TCP",
            new("[ADDRESS]:PORT[/tcp|/udp]", "an address or self, a port or *, tcp or udp", Syntax.ParseListen),
            s => s.Listen, (s, value) => s with { Listen = value! })
        { IsRequired = true, IsItemKey = true },
        new ValueSetting<ServiceConfiguration, Algorithm>("algorithm",
            "How a backend is selected for a new flow",
            ConfigNames.Algorithms, s => s.Algorithm, (s, value) => s with { Algorithm = value }),
        new ValueSetting<ServiceConfiguration, ForwardingMode>("mode",
            "nat rewrites both directions; dsr and tunnel rewrite none: backends own the endpoint's address and answer clients directly, on the balancer's link (dsr) or behind routers (tunnel)",
            ConfigNames.Modes, s => s.Mode, (s, value) => s with { Mode = value }),
        new ValueSetting<ServiceConfiguration, Encapsulation>("encapsulation",
            "Outer header in mode tunnel: gue is UDP, whose source port spreads flows over a receiver's queues; ipip is 8 bytes smaller",
            ConfigNames.Encapsulations, s => s.Encapsulation, (s, value) => s with { Encapsulation = value }),
        new ValuesSetting<ServiceConfiguration, SnatSource>("nat-source",
            "Source address of packets to backends in mode nat: service is the address that the client asked (for backends behind another interface, that interface's), interface that of the interface the packets leave by; or an address, or one of each IP version",
            SnatSource.Type, s => s.NatSource, (s, value) => s with { NatSource = value },
            (2, new("is one source too many", "Give one address of each IP version")),
            new("is there already", "Name each address once"))
        { Default = "service" },
        new ValueSetting<ServiceConfiguration, TimeSpan>("drain",
            "How long a backend that takes no new flow may keep its flows",
            SettingTypes.Time(TimeSpan.Zero, TimeoutConfiguration.Max, "is not a drain time", "500ms, 30s, 10m or 2h"),
            s => s.Drain, (s, value) => s with { Drain = value }),
        new ValueSetting<ServiceConfiguration, DownPolicy>("on-down",
            "What happens to established flows of a backend that is down: keep waits for it, reset removes them within seconds",
            ConfigNames.OnDown, s => s.OnDown, (s, value) => s with { OnDown = value }),
        new SectionSetting<ServiceConfiguration, HealthConfiguration>("health",
            "How backends are checked; without it they are not",
            HealthConfiguration.Settings, s => s.Health, (s, value) => s with { Health = value })
        { Pairs = new("KEY=VALUE", "is not a key of a health check", "http=/") },
        new SectionsSetting<ServiceConfiguration, BackendConfiguration>("backends",
            "The servers of the service",
            BackendConfiguration.Settings, s => s.Backends, (s, value) => s with { Backends = value })
        { Shorthand = "address", Flag = null });

    /// <summary>The name by which the service is known; from its endpoint unless it is configured.</summary>
    public string Name { get; init; } = "";

    /// <summary>Null only while a configuration is read.</summary>
    public ListenEndpoint Listen { get; init; } = null!;
    public Algorithm Algorithm { get; init; }
    public ForwardingMode Mode { get; init; }
    public Encapsulation Encapsulation { get; init; }

    /// <summary>In mode nat: a word, or an address of each family; empty for that of the service.</summary>
    public ImmutableArray<SnatSource> NatSource { get; init; } = [];

    /// <summary>True if packets reach backends at the port that the client connects to.</summary>
    public bool KeepsPort => Mode != ForwardingMode.Nat;
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);
    public DownPolicy OnDown { get; init; }

    /// <summary>Null if backends are not checked.</summary>
    public HealthConfiguration? Health { get; init; }
    public ImmutableArray<BackendConfiguration> Backends { get; init; } = [];

    public bool Equals(ServiceConfiguration? other) => other is not null && Settings.AreEqual(this, other);

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
    public static readonly Section<BackendConfiguration> Settings = new(() => new("", 0, 1),
        new ValueSetting<BackendConfiguration, (string Host, ushort Port)>("address",
            "Server, by address or name; without a port the service's",
            new("HOST[:PORT]", "an address or a host name, and a port", Syntax.ParseBackend) { Format = _ => null },
            b => (b.Host, b.Port), (b, value) => b with { Host = value.Host, Port = value.Port })
        { Flag = "--backend", IsRequired = true, IsItemKey = true },
        new ValueSetting<BackendConfiguration, int>("weight",
            "Share of new flows among the service's backends; 0 takes no new flow",
            SettingTypes.Weight, b => b.Weight, (b, value) => b with { Weight = value })
        { Flag = null });

    public override string ToString() => $"{(Host.Contains(':') ? $"[{Host}]" : Host)}:{EndPoints.FormatPort(Port)}";
}
