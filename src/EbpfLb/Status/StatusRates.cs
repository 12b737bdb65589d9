namespace EbpfLb.Status;

/// <summary>Rates from two snapshots.</summary>
static class StatusRates
{
    static readonly TrafficStatus Nothing = new(0, 0, 0, 0, 0);

    /// <summary>The later snapshot with rates since the earlier one.</summary>
    public static StatusSnapshot Since(this StatusSnapshot now, StatusSnapshot before, TimeSpan elapsed) =>
        now with { Instances = now.Instances.Since(before.Instances, elapsed) };

    /// <summary>The later statuses with rates since the earlier ones. A new instance counts from zero.</summary>
    public static IReadOnlyList<InstanceStatus> Since(
        this IReadOnlyList<InstanceStatus> now, IReadOnlyList<InstanceStatus> before, TimeSpan elapsed) =>
        [.. now.Select(instance => Since(instance, before.FirstOrDefault(then => then.Interface == instance.Interface), elapsed))];

    static InstanceStatus Since(InstanceStatus now, InstanceStatus? before, TimeSpan elapsed)
    {
        var services = before?.Services.ToDictionary(service => service.Name) ?? [];
        return now with
        {
            PacketRates = now.Packets.ToDictionary(count => count.Key, count => TrafficRates.PerSecond(
                before?.Packets.GetValueOrDefault(count.Key) ?? 0, count.Value, elapsed)),
            Services = [.. now.Services.Select(service => Since(service, services.GetValueOrDefault(service.Name), elapsed))],
        };
    }

    static ServiceStatus Since(ServiceStatus now, ServiceStatus? before, TimeSpan elapsed)
    {
        var backends = before?.Backends.ToDictionary(backend => backend.Address) ?? [];
        return now with
        {
            Rates = TrafficRates.Between(before?.Traffic ?? Nothing, now.Traffic, elapsed),
            Backends =
            [
                .. now.Backends.Select(backend => backend with
                {
                    Rates = TrafficRates.Between(
                        backends.GetValueOrDefault(backend.Address)?.Traffic ?? Nothing, backend.Traffic, elapsed),
                }),
            ],
        };
    }
}

/// <summary>Rates per second: flows opened, and IP packets and bytes in both directions.</summary>
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
