namespace EbpfLb.Configuration;

/// <summary>How long a flow may be idle in each state before it is removed.</summary>
sealed record TimeoutConfiguration
{
    /// <summary>The greatest timeout, and the greatest drain time.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromHours(720);

    static readonly SettingType<TimeSpan> IdleTime = SettingTypes.Time(
        TimeSpan.FromMilliseconds(100), // the kernel's coarse clock ticks every 1 to 10 ms
        Max, "is not an idle timeout", "500ms, 31s, 135m or 2h");

    public static readonly Section<TimeoutConfiguration> Settings = new(() => new(),
        new ValueSetting<TimeoutConfiguration, TimeSpan>("opening",
            "A connection that is not established yet", IdleTime, t => t.Opening, (t, value) => t with { Opening = value }),
        new ValueSetting<TimeoutConfiguration, TimeSpan>("established",
            "An established TCP connection", IdleTime, t => t.Established, (t, value) => t with { Established = value }),
        new ValueSetting<TimeoutConfiguration, TimeSpan>("ended",
            "A connection whose FINs are acknowledged, or that was reset; mode dsr keeps 130 s after a FIN",
            IdleTime, t => t.Ended, (t, value) => t with { Ended = value }),
        new ValueSetting<TimeoutConfiguration, TimeSpan>("udp",
            "A UDP flow", IdleTime, t => t.Udp, (t, value) => t with { Udp = value }));

    /// <summary>As long as a client retransmits its SYN by default (Linux, tcp_syn_retries of 4).</summary>
    public TimeSpan Opening { get; init; } = TimeSpan.FromSeconds(31);

    /// <summary>Longer than two hours, the default before keep-alive probes (RFC 9293, 3.8.4).</summary>
    public TimeSpan Established { get; init; } = TimeSpan.FromMinutes(135);

    /// <summary>Late segments and retransmissions are still forwarded.</summary>
    public TimeSpan Ended { get; init; } = TimeSpan.FromSeconds(10);
    public TimeSpan Udp { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>As users write them: <c>opening 31s, established 135m, ended 10s, udp 1m</c>.</summary>
    public override string ToString() => Settings.Format(this);
}
