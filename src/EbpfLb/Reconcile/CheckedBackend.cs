using System.Net;

namespace EbpfLb.Reconcile;

/// <summary>What tells checked backends apart: one address may serve several services, each with checks of its own.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="EndPoint">The backend, whichever port its checks connect to.</param>
readonly record struct CheckedBackend(string Service, IPEndPoint EndPoint)
{
    public static CheckedBackend Create(ServiceSnapshot service, BackendSnapshot backend) =>
        new(service.Name, new(backend.Address, backend.Port));
}
