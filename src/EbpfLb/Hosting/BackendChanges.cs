using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Reconcile;
using EbpfLb.Tables;

namespace EbpfLb.Hosting;

/// <summary>What changed between two desired states, as lines for the log.</summary>
static class BackendChanges
{
    /// <summary>
    /// At most three lines for each service: the backends it got, those that left it, and those with another weight.
    /// Health is not one of them. A new service with the endpoint of a removed service counts as that service, renamed.
    /// </summary>
    /// <param name="flows">The flows of each backend once it takes no new one; read only if a backend left a service.</param>
    public static IEnumerable<string> Describe(
        ImmutableArray<ServiceSnapshot> before, ImmutableArray<ServiceSnapshot> now, Lazy<IReadOnlyDictionary<CheckedBackend, long>> flows)
    {
        (ServiceSnapshot? Former, ServiceSnapshot? Latest)[] pairs = [.. before.Select(former => (former, FindLatest(former)))];
        pairs = [.. pairs, .. now.Except(pairs.Select(pair => pair.Latest)).Select(added => (default(ServiceSnapshot), added))];
        return
            from pair in pairs
            let service = (pair.Latest ?? pair.Former)!
            from change in Describe(ByEndPoint(pair.Former), ByEndPoint(pair.Latest), service.Configuration.Drain,
                left => flows.Value.GetValueOrDefault(CheckedBackend.Create(service, left)))
            select $"{service.Name}: {change}";

        ServiceSnapshot? FindLatest(ServiceSnapshot former) => Find(now, former.Name)
            ?? now.FirstOrDefault(latest => latest.Listen == former.Listen && Find(before, latest.Name) is null);
    }

    /// <summary>The flows of each backend, by the datapath's counters.</summary>
    public static IReadOnlyDictionary<CheckedBackend, long> CountFlows(LbTables tables)
    {
        var counters = LiveFlows.ReadCounters(tables);
        return KernelState.Read(tables).BackendIds.ToDictionary(ids => ids.Key, ids => ids.Sum(id => (long)counters.GetValueOrDefault(id)));
    }

    static ServiceSnapshot? Find(ImmutableArray<ServiceSnapshot> services, string name) =>
        services.FirstOrDefault(service => service.Name == name);

    static IEnumerable<string> Describe(
        Dictionary<string, BackendSnapshot> before, Dictionary<string, BackendSnapshot> now, TimeSpan drain,
        Func<BackendSnapshot, long> flows)
    {
        string[] added = [.. now.Keys.Except(before.Keys).Order().Select(endPoint => Name(endPoint, now[endPoint]))];
        if (added.Length > 0)
            yield return $"added {string.Join(", ", added)}";
        string[] removed = [.. before.Keys.Except(now.Keys).Order()];
        if (removed.Length > 0)
            yield return $"removed {string.Join(", ", removed.Select(endPoint => Name(endPoint, before[endPoint])))}; "
                + DescribeEnd(removed.Sum(endPoint => flows(before[endPoint])), drain);
        string[] weights =
        [
            .. from endPoint in now.Keys.Intersect(before.Keys).Order()
               where now[endPoint].Weight != before[endPoint].Weight
               select $"{now[endPoint].Weight} for {Name(endPoint, now[endPoint])}, which had {before[endPoint].Weight}",
        ];
        if (weights.Length > 0)
            yield return $"weight {string.Join("; ", weights)}";
    }

    static string DescribeEnd(long flows, TimeSpan drain)
    {
        var (verb, until) = drain == TimeSpan.Zero ? ("end", "now") : ("drain", $"for up to {Duration.Format(drain)}");
        return flows == 0 ? "no flow is left" : $"{LiveFlows.Describe(flows)} {verb}{(flows == 1 ? "s" : "")} {until}";
    }

    /// <summary>A null service has none. The first of several names for one endpoint counts.</summary>
    static Dictionary<string, BackendSnapshot> ByEndPoint(ServiceSnapshot? service) => (service?.Backends ?? [])
        .DistinctBy(backend => backend.EndPoint)
        .ToDictionary(backend => EndPoints.Format(backend.Address, backend.Port));

    /// <summary>The endpoint, with the configured name if there is one.</summary>
    static string Name(string endPoint, BackendSnapshot backend) =>
        backend.Host == $"{backend.Address}" ? endPoint : $"{endPoint} ({backend.Host})";
}
