namespace EbpfLb.Configuration;

/// <summary>Where the datapath is attached. <see cref="Auto"/> lets the balancer choose.</summary>
enum HookKind { Auto, Tc, XdpNative, XdpGeneric }

/// <summary>What the datapath reports: nothing, flows, or flows and every packet.</summary>
enum EventLevel { Off, Flows, Packets }

/// <summary>How logs are written: as lines for people, or as one JSON object per line.</summary>
enum LogFormat { Lines, Json }

/// <summary>A validated configuration; <see cref="Settings"/> says what each member means. Host names are not resolved yet.</summary>
sealed record LoadBalancerConfiguration
{
    const uint MaxId = 65_536; // a flow names its service and its backend by 16 bits each

    /// <summary>Every setting but <see cref="Replace"/>, which is a flag of <c>run</c>.</summary>
    public static readonly Section<LoadBalancerConfiguration> Settings = new(() => new(),
        new ValuesSetting<LoadBalancerConfiguration, string>("interface",
            "Network interface that clients' packets arrive on, then those that lead to backends",
            SettingType<string>.Text(
                "NAME", "names of interfaces, an address prefix of one as 10.1.0.0/16, or default for that of the default route",
                Syntax.CheckInterface),
            c => c.Interfaces, (c, value) => c with { Interfaces = value },
            (Capacity.Interfaces, new("is one interface too many", $"Name at most {Capacity.Interfaces}")),
            new("is named twice", "Name each interface once; the first is where 'self' listens"))
        { IsRequired = true, IsReloadable = false },
        Fixed("interface-timeout",
            "How long the balancer waits for its interfaces to return when none of them exists, before it ends with exit code 1",
            SettingTypes.Time(TimeSpan.FromSeconds(1), TimeoutConfiguration.Max, "is not a time to wait", "30s, 5m or 1h"),
            c => c.InterfaceTimeout, (c, value) => c with { InterfaceTimeout = value }),
        Fixed("hook", "Where the datapath is attached; auto chooses and logs why",
            ConfigNames.Hooks, c => c.Hook, (c, value) => c with { Hook = value }),
        new ValuesSetting<LoadBalancerConfiguration, string>("sockets",
            "Directory of cgroup v2 whose clients are balanced at their sockets, when they connect: no packet is rewritten",
            new("PATH", "absolute paths, none inside another", Syntax.ParseCgroup),
            c => c.Sockets, (c, value) => c with { Sockets = value },
            (Capacity.Cgroups, new("is one cgroup too many", $"Name at most {Capacity.Cgroups}, or one that has them all inside")),
            new("is named twice", "Name each cgroup once"))
        { IsReloadable = false },
        Fixed("events", "What is reported on standard output",
            ConfigNames.Events, c => c.Events, (c, value) => c with { Events = value }),
        Fixed("events-per-second",
            "How many events of each kind are reported per second; others are summed up in one line. 0 is no limit",
            SettingTypes.Number(0u, 1000000u, "is not a valid number of events"),
            c => c.EventsPerSecond, (c, value) => c with { EventsPerSecond = value }),
        Fixed("flows",
            $"How many established flows there is room for, at about {FlowTableSize.BytesPerFlow} bytes of memory each",
            SettingTypes.Number(FlowTableSize.Min, FlowTableSize.Max, "is not a valid number of flows"),
            c => c.Flows, (c, value) => c with { Flows = value }),
        Fixed("max-services", "How many endpoints there is room for: the addresses of all services, with their ports",
            SettingTypes.Number(1u, MaxId, "is not a valid number of services"),
            c => c.MaxServices, (c, value) => c with { MaxServices = value }),
        Fixed("max-backends",
            "How many backends there is room for, those of all services together and those that drain",
            SettingTypes.Number(1u, MaxId, "is not a valid number of backends"),
            c => c.MaxBackends, (c, value) => c with { MaxBackends = value }),
        new SectionSetting<LoadBalancerConfiguration, TimeoutConfiguration>("timeouts",
            "How long a flow may be idle in each state before it is removed",
            TimeoutConfiguration.Settings, c => c.Timeouts, (c, value) => c with { Timeouts = value })
        {
            Flag = "--timeout",
            Pairs = new("STATE=TIME", "is not a state with a timeout", "established=2h"),
            IsReloadable = false,
        },
        new ValueSetting<LoadBalancerConfiguration, TimeSpan>("dns-hold",
            "How long an address is kept that a backend name had and that answers lack: a server may answer with a part of them",
            SettingTypes.Time(TimeSpan.Zero, TimeoutConfiguration.Max, "is not a time to hold addresses", "15s, 1m or 1h"),
            c => c.DnsHold, (c, value) => c with { DnsHold = value }),
        Fixed("metrics", "Where /metrics for Prometheus and /healthz are served; a port alone is the loopback's",
            new("[ADDRESS:]PORT", "an own address with a port, or a port", Syntax.ParseMetricsEndPoint) { Kind = SchemaKind.StringOrInteger },
            c => c.Metrics, (c, value) => c with { Metrics = value }),
        new ValueSetting<LoadBalancerConfiguration, LogFormat>("logs",
            "How logs on standard error and events on standard output are written: as lines, or as one JSON object each",
            ConfigNames.Logs, c => c.Logs, (c, value) => c with { Logs = value })
        { IsReloadable = false, Aliases = ["--log"] },
        Fixed("leave-attached",
            "Whether SIGTERM and SIGINT leave the datapath forwarding, for the next run to take over",
            ConfigNames.Booleans, c => c.LeaveAttached, (c, value) => c with { LeaveAttached = value }),
        Fixed("withdraw-for",
            "How long SIGTERM and SIGINT leave the balancer forwarding but unhealthy, for routers to move its addresses before it ends",
            SettingTypes.Time(TimeSpan.Zero, TimeSpan.FromHours(1), "is not a time to withdraw for", "5s, 30s or 2m"),
            c => c.WithdrawFor, (c, value) => c with { WithdrawFor = value }),
        new SectionsSetting<LoadBalancerConfiguration, ServiceConfiguration>("services",
            "The balanced endpoints", ServiceConfiguration.Settings, c => c.Services, (c, value) => c with { Services = value })
        { IsRequired = true, Flag = null },
        new SectionSetting<LoadBalancerConfiguration, DockerConfiguration>("docker",
            "A container engine whose labelled containers are backends as well",
            DockerConfiguration.Settings, c => c.Docker, (c, value) => c with { Docker = value })
        { Flag = null });

    /// <summary>A setting whose change takes a restart.</summary>
    static ValueSetting<LoadBalancerConfiguration, T> Fixed<T>(
        string name, string description, SettingType<T> type, Func<LoadBalancerConfiguration, T> get,
        Func<LoadBalancerConfiguration, T, LoadBalancerConfiguration> set) => new(name, description, type, get, set) { IsReloadable = false };

    /// <summary>A service without an address listens on the first one's addresses.</summary>
    public ImmutableArray<string> Interfaces { get; init; } = [];
    public TimeSpan InterfaceTimeout { get; init; } = TimeSpan.FromSeconds(30);
    public HookKind Hook { get; init; }
    public ImmutableArray<string> Sockets { get; init; } = [];
    public EventLevel Events { get; init; } = EventLevel.Flows;
    public uint EventsPerSecond { get; init; } = 33;
    public uint Flows { get; init; } = FlowTableSize.Default;
    public uint MaxServices { get; init; } = 16_384;
    public uint MaxBackends { get; init; } = MaxId;
    public TimeoutConfiguration Timeouts { get; init; } = new();
    public TimeSpan DnsHold { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Where metrics and the health endpoint are served; null for nowhere.</summary>
    public IPEndPoint? Metrics { get; init; }
    public LogFormat Logs { get; init; }
    public bool LeaveAttached { get; init; }
    public TimeSpan WithdrawFor { get; init; }

    /// <summary>True to remove an ended process's state, not adopt it. A flag sets it for one start; not part of equality.</summary>
    public bool Replace { get; init; }
    public ImmutableArray<ServiceConfiguration> Services { get; init; } = [];

    /// <summary>Where labelled containers become backends; null if they do not.</summary>
    public DockerConfiguration? Docker { get; init; }

    public bool Equals(LoadBalancerConfiguration? other) => other is not null && Settings.AreEqual(this, other);

    public override int GetHashCode() => HashCode.Combine(Interfaces.Length, Hook, Events, Services.Length);
}
