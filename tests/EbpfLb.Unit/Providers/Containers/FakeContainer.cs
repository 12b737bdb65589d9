namespace EbpfLb.Unit.Providers.Containers;

/// <summary>A container as a fake engine lists it.</summary>
sealed record FakeContainer(string Name, string? Address = null)
{
    static int _last;

    public string Id { get; init; } = $"{Interlocked.Increment(ref _last):x12}";

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>
    {
        ["ebpf-lb.service"] = "web",
        ["ebpf-lb.port"] = "80",
    };

    public string State { get; init; } = "running";

    public string Network { get; init; } = FakeEngine.Network;

    public string? AddressV6 { get; init; }

    public string StopSignal { get; init; } = "";

    /// <summary>What its health check says: starting, healthy or unhealthy; none where it has none.</summary>
    public string Health { get; init; } = "none";

    public object ToListed() => new
    {
        Id,
        Names = new[] { $"/{Name}" },
        Labels,
        State,
        NetworkSettings = new
        {
            Networks = new Dictionary<string, object>
            {
                [Network] = new { IPAddress = Address ?? "", GlobalIPv6Address = AddressV6 ?? "" },
            },
        },
    };
}
