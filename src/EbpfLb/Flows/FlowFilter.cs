using EbpfLb.Abi;

namespace EbpfLb.Flows;

/// <summary>Selects flows that match everything that is given.</summary>
sealed record FlowFilter(IPNetwork? Client = null, string? Service = null, BackendPattern? Backend = null)
{
    public bool Matches(FlowSource source, in LbTuple client, in LbFlow forward) =>
        Client?.Contains(client.Src.ToIPAddress().MapToIPv6()) != false // a mapped address is in networks of both families
        && (Service is null || source.ServiceName(forward.Service) == Service)
        && Backend?.Matches(source, forward) != false;
}
