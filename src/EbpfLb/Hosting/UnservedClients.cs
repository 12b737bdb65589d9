using EbpfLb.Reconcile;

namespace EbpfLb.Hosting;

/// <summary>Clients that are refused although everything works: no backend is configured or found for them.</summary>
static class UnservedClients
{
    /// <summary>A sentence for each service without a backend, and each that listens on a family without backends.</summary>
    /// <param name="services">With the backends that are known now, whatever their health.</param>
    /// <param name="self">The addresses of services without one.</param>
    public static IEnumerable<string> Find(ImmutableArray<ServiceSnapshot> services, ImmutableArray<IPAddress> self)
    {
        var families = KernelService.Create(services, self).ToLookup(family => family.Identity.Name);
        foreach (var service in services)
        {
            if (service.Backends.IsEmpty)
            {
                yield return $"service '{service.Name}' has no backend: its clients are refused. "
                    + $"Add one under 'backends:', or label a container with ebpf-lb.service={service.Name}.";
                continue;
            }
            foreach (var unserved in families[service.Name].Where(family => family.Backends.IsEmpty && !family.Keys.IsEmpty))
            {
                var (own, other) = EndPoints.NamesOf(unserved.Identity.Family);
                yield return $"service '{service.Name}' listens on {string.Join(", ", unserved.Keys)}, and all its backends have {other} "
                    + $"addresses: {own} clients are refused. Give it {own} backends, or let it listen on an {other} address alone.";
            }
        }
    }
}
