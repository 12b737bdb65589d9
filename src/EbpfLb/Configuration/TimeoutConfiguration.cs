namespace EbpfLb.Configuration;

/// <summary>How long a flow may be idle in each state before it is removed.</summary>
sealed record TimeoutConfiguration
{
    /// <summary>As long as a client retransmits its SYN by default (Linux, tcp_syn_retries of 4).</summary>
    public TimeSpan Opening { get; init; } = TimeSpan.FromSeconds(31);

    /// <summary>Longer than two hours, the default before keep-alive probes (RFC 9293, 3.8.4).</summary>
    public TimeSpan Established { get; init; } = TimeSpan.FromMinutes(135);

    /// <summary>Late segments and retransmissions are still forwarded.</summary>
    public TimeSpan Ended { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan Udp { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>As users write them: <c>opening 31s, established 135m, ended 10s, udp 1m</c>.</summary>
    public override string ToString() =>
        $"opening {Duration.Format(Opening)}, established {Duration.Format(Established)}, ended {Duration.Format(Ended)}, "
        + $"udp {Duration.Format(Udp)}";
}
