using System.Net;

namespace EbpfLb.Reconcile;

/// <summary>Identifies a checked backend: one address may serve several services, each with its own checks.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="EndPoint">The backend, whichever port its checks use.</param>
readonly record struct CheckedBackend(string Service, IPEndPoint EndPoint)
{
    public static CheckedBackend Create(ServiceSnapshot service, BackendSnapshot backend) =>
        new(service.Name, new(backend.Address, backend.Port));
}
