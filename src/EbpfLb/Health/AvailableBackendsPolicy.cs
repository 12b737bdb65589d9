using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>Decides which backends of a service take new flows, by their health.</summary>
static class AvailableBackendsPolicy
{
    /// <param name="service">From its provider.</param>
    /// <param name="stateOf">Null for a backend that is not checked.</param>
    public static ServiceSnapshot Apply(ServiceSnapshot service, Func<ServiceSnapshot, BackendSnapshot, HealthState?> stateOf)
    {
        if (service.Health is not { } how)
            return service;
        (BackendSnapshot Backend, bool MayBeTried)[] evaluated =
            [.. service.Backends.Select(backend => Evaluate(backend, stateOf(service, backend)))];
        // Clients can use backends of their own address family only.
        foreach (var family in Enumerable.Range(0, evaluated.Length).GroupBy(i => evaluated[i].Backend.Address.AddressFamily))
        {
            if (family.Any(i => evaluated[i].Backend.EffectiveWeight > 0))
                continue;
            foreach (var i in LastResort([.. family.Where(i => evaluated[i].MayBeTried)], i => evaluated[i].Backend.Health, how.WhenAllDown))
                evaluated[i].Backend = evaluated[i].Backend with { IsExcluded = false };
        }
        return service with { Backends = [.. evaluated.Select(one => one.Backend)] };
    }

    /// <summary>A provider's verdict (a paused container) overrides the checks. A starting backend is not tried.</summary>
    static (BackendSnapshot Backend, bool MayBeTried) Evaluate(BackendSnapshot provided, HealthState? state) => (
        provided.IsExcluded || state is null
            ? provided
            : provided with { Health = state.Health, IsExcluded = state.IsExcluded },
        provided is not { Health: BackendHealth.Unknown, IsExcluded: true }
            && (!provided.RequiresHealthyCheck || state is null or { IsTrusted: true }));

    /// <summary>True if no backend takes new flows because all are down or starting, and at least one is down.</summary>
    public static bool AreAllDown(IEnumerable<BackendSnapshot> backends)
    {
        var takers = backends.Where(backend => backend.Weight > 0).ToArray();
        return takers.Any(backend => backend.Health == BackendHealth.Down)
            && takers.All(backend => backend is { Health: BackendHealth.Down } or { Health: BackendHealth.Unknown, IsExcluded: true });
    }

    /// <summary>Undecided backends are better than none; if all are down, the service's policy decides.</summary>
    static int[] LastResort(int[] backends, Func<int, BackendHealth> healthOf, AllDownPolicy policy)
    {
        var undecided = backends.Where(backend => healthOf(backend) == BackendHealth.Unknown).ToArray();
        return undecided.Length == 0 && policy == AllDownPolicy.TryAll ? backends : undecided;
    }
}
