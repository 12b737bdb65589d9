using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Hosting;

/// <summary>What changed between two desired states, as lines for the log.</summary>
static class BackendChanges
{
    /// <summary>
    /// At most three lines for each service: the backends it got, those that left it, and those with another weight.
    /// Health is not one of them.
    /// </summary>
    public static IEnumerable<string> Describe(ImmutableArray<ServiceSnapshot> before, ImmutableArray<ServiceSnapshot> now) =>
        from name in before.Concat(now).Select(service => service.Name).Distinct()
        let former = before.FirstOrDefault(service => service.Name == name)
        let latest = now.FirstOrDefault(service => service.Name == name)
        from change in Describe(ByEndPoint(former), ByEndPoint(latest), (latest ?? former)!.Configuration.Drain)
        select $"{name}: {change}";

    static IEnumerable<string> Describe(
        Dictionary<string, BackendSnapshot> before, Dictionary<string, BackendSnapshot> now, TimeSpan drain)
    {
        string[] added = [.. now.Keys.Except(before.Keys).Order().Select(endPoint => Name(endPoint, now[endPoint]))];
        if (added.Length > 0)
            yield return $"added {string.Join(", ", added)}";
        string[] removed = [.. before.Keys.Except(now.Keys).Order().Select(endPoint => Name(endPoint, before[endPoint]))];
        if (removed.Length > 0)
            yield return $"removed {string.Join(", ", removed)}; {(removed.Length == 1 ? "its" : "their")} flows "
                + (drain == TimeSpan.Zero ? "end now" : $"drain for up to {Duration.Format(drain)}");
        string[] weights =
        [
            .. from endPoint in now.Keys.Intersect(before.Keys).Order()
               where now[endPoint].Weight != before[endPoint].Weight
               select $"{now[endPoint].Weight} for {Name(endPoint, now[endPoint])}, which had {before[endPoint].Weight}",
        ];
        if (weights.Length > 0)
            yield return $"weight {string.Join("; ", weights)}";
    }

    /// <summary>A null service has none. The first of several names for one endpoint counts.</summary>
    static Dictionary<string, BackendSnapshot> ByEndPoint(ServiceSnapshot? service) => (service?.Backends ?? [])
        .DistinctBy(backend => backend.EndPoint)
        .ToDictionary(backend => EndPoints.Format(backend.Address, backend.Port));

    /// <summary>The endpoint, with the configured name if there is one.</summary>
    static string Name(string endPoint, BackendSnapshot backend) =>
        backend.Host == $"{backend.Address}" ? endPoint : $"{endPoint} ({backend.Host})";
}
