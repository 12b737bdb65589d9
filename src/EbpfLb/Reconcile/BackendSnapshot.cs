using System.Net;

namespace EbpfLb.Reconcile;

/// <summary>What is known of a backend's health. The values are those of <c>enum lb_backend_state</c>.</summary>
enum BackendHealth
{
    /// <summary>Nobody checks it.</summary>
    Unchecked,

    /// <summary>Its checks have yet to decide.</summary>
    Unknown,
    Up,
    Down,
}

/// <summary>One address of a backend.</summary>
/// <param name="Address">IPv4 or IPv6.</param>
/// <param name="Port">In host byte order.</param>
/// <param name="Weight">0 to 100; 0 takes no new flow.</param>
/// <param name="Host">The name or address by which the user configured it.</param>
sealed record BackendSnapshot(IPAddress Address, ushort Port, int Weight, string Host)
{
    public BackendHealth Health { get; init; }

    /// <summary>Is it left out of the choice because of its health, whatever its weight?</summary>
    public bool IsExcluded { get; init; }

    /// <summary>
    /// May it have just been started, as a container that comes? Then it takes no flow before its first good check, where
    /// it is checked, though there be no other.
    /// </summary>
    public bool RequiresHealthyCheck { get; init; }

    /// <summary>Its share of new flows at present, 0 to 100.</summary>
    public int EffectiveWeight => IsExcluded ? 0 : Weight;
}
