namespace EbpfLb.Status;

/// <summary>
/// Rates per second between two snapshots: flows opened, and IP packets and bytes in both directions.
/// </summary>
sealed record TrafficRates(
    double Opened, double ToBackendPackets, double ToBackendBytes, double ToClientPackets, double ToClientBytes)
{
    public static TrafficRates Between(TrafficStatus before, TrafficStatus now, TimeSpan elapsed) => new(
        PerSecond(before.Opened, now.Opened, elapsed),
        PerSecond(before.ToBackendPackets, now.ToBackendPackets, elapsed),
        PerSecond(before.ToBackendBytes, now.ToBackendBytes, elapsed),
        PerSecond(before.ToClientPackets, now.ToClientPackets, elapsed),
        PerSecond(before.ToClientBytes, now.ToClientBytes, elapsed));

    /// <summary>A counter that decreased was reset in between.</summary>
    public static double PerSecond(ulong before, ulong now, TimeSpan elapsed) =>
        (now < before ? now : now - before) / elapsed.TotalSeconds;
}
