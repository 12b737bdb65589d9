namespace EbpfLb;

/// <summary>CLOCK_MONOTONIC in nanoseconds, as the datapath has it; the timestamps of the system's clock are of it.</summary>
static class MonotonicTime
{
    public static ulong MonotonicNs(this TimeProvider time) => (ulong)time.GetTimestamp();

    public static ulong ToNs(this TimeSpan time) => (ulong)time.Ticks * TimeSpan.NanosecondsPerTick;

    public static TimeSpan FromNs(ulong ns) => TimeSpan.FromTicks((long)(ns / TimeSpan.NanosecondsPerTick));
}
