using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit;

/// <summary>Services as the providers give them.</summary>
static class Snapshots
{
    /// <summary>On port 80 of the interface's own addresses.</summary>
    public static ServiceSnapshot Web(params IEnumerable<BackendSnapshot> backends) => Service("web", 80, backends);

    /// <summary>On a TCP port of the interface's own addresses.</summary>
    public static ServiceSnapshot Service(string name, int port, params IEnumerable<BackendSnapshot> backends) =>
        Service(name, new ListenEndpoint(null, (ushort)port, TransportProtocol.Tcp), backends);

    public static ServiceSnapshot Service(string name, ListenEndpoint listen, params IEnumerable<BackendSnapshot> backends) =>
        new(new() { Name = name, Listen = listen }, [.. backends]);

    public static ServiceSnapshot With(this ServiceSnapshot service, Func<ServiceConfiguration, ServiceConfiguration> change) =>
        service with { Configuration = change(service.Configuration) };
}
