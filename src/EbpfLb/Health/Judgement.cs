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
        (BackendSnapshot Backend, bool MayBeTried)[] judged =
            [.. service.Backends.Select(backend => Judge(backend, verdictOf(service, backend)))];
        // A client is served by backends of its own family alone.
        foreach (var family in Enumerable.Range(0, judged.Length).GroupBy(i => judged[i].Backend.Address.AddressFamily))
        {
            if (family.Any(i => judged[i].Backend.Share > 0))
                continue;
            foreach (var i in LastResort([.. family.Where(i => judged[i].MayBeTried)], i => judged[i].Backend.Health, how.WhenAllDown))
                judged[i].Backend = judged[i].Backend with { IsLeftOut = false };
        }
        return service with { Backends = [.. judged.Select(one => one.Backend)] };
    }

    /// <summary>
    /// Where its provider knows that it is not well, as of a container, its checks do not know better. One that is
    /// starting is not to be tried.
    /// </summary>
    static (BackendSnapshot Backend, bool MayBeTried) Judge(BackendSnapshot provided, Verdict? verdict) => (
        provided.IsLeftOut || verdict is null
            ? provided
            : provided with { Health = verdict.Health, IsLeftOut = verdict.IsLeftOut },
        provided is not { Health: BackendHealth.Unknown, IsLeftOut: true }
            && (!provided.MustProveItself || verdict is null or { IsTrusted: true }));

    /// <summary>
    /// Are those that could take new flows all down, or not to be tried as yet? False where there are none, and where none
    /// is down.
    /// </summary>
    public static bool AreAllDown(IEnumerable<BackendSnapshot> backends)
    {
        var takers = backends.Where(backend => backend.Weight > 0).ToArray();
        return takers.Any(backend => backend.Health == BackendHealth.Down)
            && takers.All(backend => backend is { Health: BackendHealth.Down } or { Health: BackendHealth.Unknown, IsLeftOut: true });
    }

    /// <summary>Those whose checks have yet to decide are better than none; where all are down it is the service's choice.</summary>
    static int[] LastResort(int[] backends, Func<int, BackendHealth> healthOf, AllDown policy)
    {
        var undecided = backends.Where(backend => healthOf(backend) == BackendHealth.Unknown).ToArray();
        return undecided.Length == 0 && policy == AllDown.TryAll ? backends : undecided;
    }
}
