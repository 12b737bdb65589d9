namespace EbpfLb.Configuration;

/// <summary>How long a flow may idle in each state before it is forgotten.</summary>
sealed record TimeoutConfiguration
{
    /// <summary>As long as a client repeats its SYN by default (Linux, tcp_syn_retries of 4 and its waits).</summary>
    public TimeSpan Opening { get; init; } = TimeSpan.FromSeconds(31);

    /// <summary>Longer than two hours, after which keep-alive probes begin (RFC 9293, 3.8.4).</summary>
    public TimeSpan Established { get; init; } = TimeSpan.FromMinutes(135);

    /// <summary>Late segments and their repetitions still find their way.</summary>
    public TimeSpan Ended { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan Udp { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>As users write them: <c>opening 31s, established 135m, ended 10s, udp 1m</c>.</summary>
    public override string ToString() =>
        $"opening {Duration.Format(Opening)}, established {Duration.Format(Established)}, ended {Duration.Format(Ended)}, "
        + $"udp {Duration.Format(Udp)}";
}
