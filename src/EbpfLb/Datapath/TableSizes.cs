using EbpfLb.Configuration;

namespace EbpfLb.Datapath;

/// <summary>What the tables have room for.</summary>
/// <param name="Flows">Established flows.</param>
/// <param name="Services">Endpoints; a service has an id for each address family.</param>
/// <param name="Backends">Backends of all services together, those that drain among them.</param>
sealed record TableSizes(uint Flows, uint Services = Capacity.Services, uint Backends = Capacity.Backends)
{
    /// <summary>How much memory the flow tables need, for a kernel that has less.</summary>
    public string Demand =>
        $"the tables for {Flows} flows need {(ulong)Flows * FlowTableSize.BytesPerFlow >> 20} MiB of memory: set a lower 'flows'";

    /// <summary>The maps by service id, and the endpoints.</summary>
    public static readonly IReadOnlyList<string> ServiceMaps = ["services", "slots", "rr_counters", "service_traffic", "service_labels"];

    /// <summary>The maps by backend id.</summary>
    public static readonly IReadOnlyList<string> BackendMaps = ["backends", "snat_cursors", "active_flows", "backend_traffic", "backend_labels"];
}
