namespace EbpfLb.Reconcile;

/// <summary>The health of a backend. The values are those of <c>enum lb_backend_state</c>.</summary>
enum BackendHealth
{
    /// <summary>The service has no health check.</summary>
    Unchecked,

    /// <summary>Not decided yet.</summary>
    Unknown,
    Up,
    Down,
}

/// <summary>One address of a backend.</summary>
/// <param name="Address">IPv4 or IPv6.</param>
/// <param name="Port">In host byte order.</param>
/// <param name="Weight">0 to 100; 0 takes no new flow.</param>
/// <param name="Host">The configured name or address.</param>
sealed record BackendSnapshot(IPAddress Address, ushort Port, int Weight, string Host)
{
    public BackendHealth Health { get; init; }

    /// <summary>True if it takes no new flow because of its health, whatever its weight.</summary>
    public bool IsExcluded { get; init; }

    /// <summary>
    /// True if it may just have started, as a new container: if it is checked, it takes no flow before its first
    /// successful check, even if it is the only backend.
    /// </summary>
    public bool RequiresHealthyCheck { get; init; }

    public IPEndPoint EndPoint => new(Address, Port);

    /// <summary>Its current share of new flows, 0 to 100.</summary>
    public int EffectiveWeight => IsExcluded ? 0 : Weight;
}

/// <summary>Identifies a checked backend: one address may serve several services, each with its own checks.</summary>
/// <param name="EndPoint">The backend, whichever port its checks use.</param>
readonly record struct CheckedBackend(string Service, IPEndPoint EndPoint)
{
    public static CheckedBackend Create(ServiceSnapshot service, BackendSnapshot backend) =>
        new(service.Name, backend.EndPoint);
}
