using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>Which backends of a service take new flows, their health considered.</summary>
static class AvailableBackendsPolicy
{
    /// <param name="service">As its provider desires it.</param>
    /// <param name="stateOf">Null for a backend that is not checked.</param>
    public static ServiceSnapshot Apply(ServiceSnapshot service, Func<ServiceSnapshot, BackendSnapshot, HealthState?> stateOf)
    {
        if (service.Health is not { } how)
            return service;
        (BackendSnapshot Backend, bool MayBeTried)[] evaluated =
            [.. service.Backends.Select(backend => Evaluate(backend, stateOf(service, backend)))];
        // A client is served by backends of its own family alone.
        foreach (var family in Enumerable.Range(0, evaluated.Length).GroupBy(i => evaluated[i].Backend.Address.AddressFamily))
        {
            if (family.Any(i => evaluated[i].Backend.EffectiveWeight > 0))
                continue;
            foreach (var i in LastResort([.. family.Where(i => evaluated[i].MayBeTried)], i => evaluated[i].Backend.Health, how.WhenAllDown))
                evaluated[i].Backend = evaluated[i].Backend with { IsExcluded = false };
        }
        return service with { Backends = [.. evaluated.Select(one => one.Backend)] };
    }

    /// <summary>
    /// Where its provider knows that it is not well, as of a container, its checks do not know better. One that is
    /// starting is not to be tried.
    /// </summary>
    static (BackendSnapshot Backend, bool MayBeTried) Evaluate(BackendSnapshot provided, HealthState? state) => (
        provided.IsExcluded || state is null
            ? provided
            : provided with { Health = state.Health, IsExcluded = state.IsExcluded },
        provided is not { Health: BackendHealth.Unknown, IsExcluded: true }
            && (!provided.RequiresHealthyCheck || state is null or { IsTrusted: true }));

    /// <summary>
    /// Are those that could take new flows all down, or not to be tried as yet? False where there are none, and where none
    /// is down.
    /// </summary>
    public static bool AreAllDown(IEnumerable<BackendSnapshot> backends)
    {
        var takers = backends.Where(backend => backend.Weight > 0).ToArray();
        return takers.Any(backend => backend.Health == BackendHealth.Down)
            && takers.All(backend => backend is { Health: BackendHealth.Down } or { Health: BackendHealth.Unknown, IsExcluded: true });
    }

    /// <summary>Those whose checks have yet to decide are better than none; where all are down it is the service's choice.</summary>
    static int[] LastResort(int[] backends, Func<int, BackendHealth> healthOf, AllDownPolicy policy)
    {
        var undecided = backends.Where(backend => healthOf(backend) == BackendHealth.Unknown).ToArray();
        return undecided.Length == 0 && policy == AllDownPolicy.TryAll ? backends : undecided;
    }
}
