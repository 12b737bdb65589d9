namespace EbpfLb.Status;

/// <summary>Makes rates of two readings.</summary>
static class StatusRates
{
    static readonly TrafficStatus Nothing = new(0, 0, 0, 0, 0);

    /// <summary>The later snapshot with what went on since the earlier one.</summary>
    /// <param name="now">The later one.</param>
    /// <param name="before">The earlier one.</param>
    /// <param name="elapsed">Between them.</param>
    public static StatusSnapshot Since(this StatusSnapshot now, StatusSnapshot before, TimeSpan elapsed) =>
        now with { Instances = now.Instances.Since(before.Instances, elapsed) };

    /// <summary>The later readings with what went on since the earlier ones; what was not there then began at nothing.</summary>
    /// <param name="now">The later ones.</param>
    /// <param name="before">The earlier ones.</param>
    /// <param name="elapsed">Between them.</param>
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
