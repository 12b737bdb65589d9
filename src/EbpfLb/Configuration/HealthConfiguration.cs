namespace EbpfLb.Configuration;

/// <summary>The policy for new flows when all backends of a service are down.</summary>
enum AllDownPolicy
{
    /// <summary>Refuse them at once.</summary>
    Refuse,

    /// <summary>Send them to all backends, as if none were down.</summary>
    TryAll,
}

/// <summary>How a service's backends are checked.</summary>
sealed record HealthConfiguration
{
    const int MaxChecks = 100;
    static readonly TimeSpan MaxInterval = TimeSpan.FromHours(1);
    static readonly SettingType<int> Checks = SettingTypes.Number(1, MaxChecks, "is not a number of checks in a row");

    public static readonly Section<HealthConfiguration> Settings = new(() => new(),
        new ValueSetting<HealthConfiguration, bool>("tcp",
            "A check succeeds when the backend accepts a connection",
            new("BOOLEAN", "true", text => text == "true" ? true
                : new SyntaxError("is not true", "Write true, or use http with a path instead"))
            { IsSwitch = true, Kind = SchemaKind.Boolean, Words = ["true"], Format = _ => null },
            h => h.Path is null, (h, _) => h),
        new ValueSetting<HealthConfiguration, string?>("http",
            "A check succeeds when a GET of this path is answered with a status below 400",
            new("PATH", "a path, from '/'", Syntax.ParseHttpPath), h => h.Path, (h, value) => h with { Path = value }),
        new ValueSetting<HealthConfiguration, TimeSpan>("every",
            "From the start of one check to the start of the next",
            SettingTypes.Time(TimeSpan.FromMilliseconds(100), MaxInterval, "is not a valid check interval", "500ms, 2s or 1m"),
            h => h.Every, (h, value) => h with { Every = value }),
        new ValueSetting<HealthConfiguration, TimeSpan>("timeout",
            "The limit for a whole check, including the connection; at most the interval",
            TimeUpTo(MaxInterval), h => h.Timeout, (h, value) => h with { Timeout = value })
        { Narrow = h => TimeUpTo(h.Every) },
        new ValueSetting<HealthConfiguration, int>("rise",
            "So many successful checks in a row bring a backend up",
            Checks, h => h.Rise, (h, value) => h with { Rise = value }),
        new ValueSetting<HealthConfiguration, int>("fall",
            "So many failed checks in a row take a backend down",
            Checks, h => h.Fall, (h, value) => h with { Fall = value }),
        new ValueSetting<HealthConfiguration, ushort>("port",
            "TCP port to check",
            SettingTypes.Port("is not a port"), h => h.Port, (h, value) => h with { Port = value })
        { Default = "the backend's own" },
        new ValueSetting<HealthConfiguration, bool>("tunnel",
            "In mode tunnel, whether checks go through the tunnel to the service's address at the backend; else they go to the backend's own address",
            ConfigNames.Booleans, h => h.Tunnel, (h, value) => h with { Tunnel = value }),
        new ValueSetting<HealthConfiguration, AllDownPolicy>("when-all-down",
            "What happens to new flows when all backends are down: refuse them, or try all backends as if none were down",
            ConfigNames.AllDown, h => h.WhenAllDown, (h, value) => h with { WhenAllDown = value }));

    /// <summary>The path of an HTTP check; null for a TCP check.</summary>
    public string? Path { get; init; }
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Timeout { get => field < Every ? field : Every; init; } = TimeSpan.FromMilliseconds(500);

    public int Rise { get; init; } = 2;
    public int Fall { get; init; } = 3;

    /// <summary>TCP port in host byte order; 0 is the backend's own port.</summary>
    public ushort Port { get; init; }

    /// <summary>True if checks go through the tunnel of mode tunnel, to the service's address.</summary>
    public bool Tunnel { get; init; }

    public AllDownPolicy WhenAllDown { get; init; }

    /// <summary>As users write it: <c>http / every 1s, timeout 500ms, rise 2, fall 3</c>.</summary>
    public override string ToString() =>
        $"{(Path is null ? "tcp" : $"http {Path}")}{(Port == 0 ? "" : $" at port {Port}")}{(Tunnel ? " through the tunnel" : "")} every {Duration.Format(Every)}, "
        + $"timeout {Duration.Format(Timeout)}, rise {Rise}, fall {Fall}"
        + (WhenAllDown == AllDownPolicy.Refuse ? "" : $", when all are down {ConfigNames.AllDown.Format(WhenAllDown)}");

    static SettingType<TimeSpan> TimeUpTo(TimeSpan interval) => SettingTypes.Time(
        TimeSpan.FromMilliseconds(10), interval, "is not a valid check timeout", "500ms, 2s or 1m", ", the check interval");
}
