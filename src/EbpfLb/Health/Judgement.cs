using EbpfLb.Configuration;
using EbpfLb.Providers;

namespace EbpfLb.Health;

/// <summary>Which backends of a service take new flows, their health considered.</summary>
static class Judgement
{
    /// <param name="service">As its provider desires it.</param>
    /// <param name="verdictOf">Null for a backend that is not checked.</param>
    public static ServiceSnapshot Of(ServiceSnapshot service, Func<ServiceSnapshot, BackendSnapshot, Verdict?> verdictOf)
    {
        if (service.Health is not { } how)
            return service;
        BackendSnapshot[] judged =
        [
            .. service.Backends.Select(backend => verdictOf(service, backend) is { } verdict
                ? Both(backend, verdict)
                : backend),
        ];
        // A client is served by backends of its own family alone.
        foreach (var family in judged.GroupBy(backend => backend.Address.AddressFamily))
        {
            if (family.Any(backend => backend.Share > 0))
                continue;
            var lastResort = LastResort([.. family], how.WhenAllDown);
            for (var i = 0; i < judged.Length; i++)
            {
                if (lastResort.Contains(judged[i]))
                    judged[i] = judged[i] with { IsLeftOut = false };
            }
        }
        return service with { Backends = [.. judged] };
    }

    /// <summary>Where its provider knows that it is not well, as of a container, its checks do not know better.</summary>
    static BackendSnapshot Both(BackendSnapshot provided, Verdict verdict) => provided.IsLeftOut
        ? provided
        : provided with { Health = verdict.Health, IsLeftOut = verdict.IsLeftOut };

    /// <summary>Are those that could take new flows all down? False where there are none.</summary>
    public static bool AreAllDown(IEnumerable<BackendSnapshot> backends)
    {
        var takers = backends.Where(backend => backend.Weight > 0).ToArray();
        return takers.Length > 0 && takers.All(backend => backend.Health == BackendHealth.Down);
    }

    /// <summary>Those whose checks have yet to decide are better than none; where all are down it is the service's choice.</summary>
    static BackendSnapshot[] LastResort(BackendSnapshot[] backends, AllDown policy)
    {
        var undecided = backends.Where(backend => backend.Health == BackendHealth.Unknown).ToArray();
        return undecided.Length == 0 && policy == AllDown.TryAll ? backends : undecided;
    }
}
