namespace EbpfLb.Configuration;

/// <summary>What becomes of new flows when all backends of a service are down.</summary>
enum AllDownPolicy
{
    /// <summary>They are refused, which clients see at once.</summary>
    Refuse,

    /// <summary>They go to all of them, as if none were down.</summary>
    TryAll,
}

/// <summary>How a service's backends are checked.</summary>
sealed record HealthConfiguration
{
    /// <summary>What an HTTP check asks for; null where a TCP connection is enough.</summary>
    public string? Path { get; init; }

    /// <summary>From the beginning of one check to that of the next.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>For a whole check, the connection included.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>So many good checks in a row bring a backend back.</summary>
    public int Rise { get; init; } = 2;

    /// <summary>So many failed checks in a row take a backend out.</summary>
    public int Fall { get; init; } = 3;

    /// <summary>TCP port, in host byte order; 0 is the backend's own.</summary>
    public ushort Port { get; init; }

    public AllDownPolicy WhenAllDown { get; init; }

    /// <summary>As users write it: <c>http / every 1s, timeout 500ms, rise 2, fall 3</c>.</summary>
    public override string ToString() =>
        $"{(Path is null ? "tcp" : $"http {Path}")}{(Port == 0 ? "" : $" at port {Port}")} every {Duration.Format(Every)}, "
        + $"timeout {Duration.Format(Timeout)}, rise {Rise}, fall {Fall}"
        + (WhenAllDown == AllDownPolicy.Refuse ? "" : $", when all are down {WhenAllDown.ToConfigString()}");
}
