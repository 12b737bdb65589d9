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
    /// <summary>The path of an HTTP check; null for a TCP check.</summary>
    public string? Path { get; init; }

    /// <summary>The interval from the start of one check to the start of the next.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The limit for a whole check, including the connection.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>So many successful checks in a row bring a backend up.</summary>
    public int Rise { get; init; } = 2;

    /// <summary>So many failed checks in a row take a backend down.</summary>
    public int Fall { get; init; } = 3;

    /// <summary>TCP port in host byte order; 0 is the backend's own port.</summary>
    public ushort Port { get; init; }

    public AllDownPolicy WhenAllDown { get; init; }

    /// <summary>As users write it: <c>http / every 1s, timeout 500ms, rise 2, fall 3</c>.</summary>
    public override string ToString() =>
        $"{(Path is null ? "tcp" : $"http {Path}")}{(Port == 0 ? "" : $" at port {Port}")} every {Duration.Format(Every)}, "
        + $"timeout {Duration.Format(Timeout)}, rise {Rise}, fall {Fall}"
        + (WhenAllDown == AllDownPolicy.Refuse ? "" : $", when all are down {WhenAllDown.ToConfigString()}");
}
