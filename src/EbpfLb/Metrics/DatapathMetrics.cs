using EbpfLb.Abi;
using EbpfLb.Status;
using Prometheus;

namespace EbpfLb.Metrics;

/// <summary>
/// Metrics from the maps. They are created for each scrape: the kernel counts, and no state here can differ from it
/// or outlive a backend.
/// </summary>
sealed class DatapathMetrics
{
    static readonly string[] BackendLabels = ["service", "backend"];
    static readonly string[] DirectionLabels = ["service", "backend", "direction"];
    static readonly string Version = typeof(DatapathMetrics).Assembly.GetName().Version!.ToString(fieldCount: 3);

    static readonly string[] States = Array.ConvertAll(Enum.GetValues<LbBackendState>(), state => state.ToStatusString());

    readonly CollectorRegistry _registry = Prometheus.Metrics.NewCustomRegistry();
    readonly MetricFactory _factory;

    DatapathMetrics() => _factory = Prometheus.Metrics.WithCustomRegistry(_registry);

    public static CollectorRegistry Create(InstanceStatus status)
    {
        var metrics = new DatapathMetrics();
        metrics.Add(status);
        foreach (var service in status.Services)
        {
            foreach (var backend in service.Backends)
                metrics.Add(service.Name, backend);
        }
        return metrics._registry;
    }

    void Add(InstanceStatus status)
    {
        Gauge("ebpf_lb_info", "The hook, and the first interface.", "interface", "hook", "version")
            .WithLabels(status.Interface, status.Hook, Version).Set(1);
        var packets = Counter("ebpf_lb_packets_total", "Packets by the reason for what was done with them.", "reason");
        foreach (var reason in Enum.GetValues<LbReason>().Except([LbReason.Continue]).Select(StatusNames.ToStatusString))
            packets.WithLabels(reason).IncTo(status.Packets.GetValueOrDefault(reason));
        var evicted = Counter("ebpf_lb_flow_entries_evicted_total", "Entries that full flow tables evicted.", "table");
        var taken = Counter("ebpf_lb_nat_ports_taken_over_total", "NAT ports that new flows took over from flows that were not live.", "table");
        foreach (var table in Enum.GetValues<LbFlowTable>().Select(StatusNames.ToStatusString))
        {
            evicted.WithLabels(table).IncTo(status.EntriesEvicted.GetValueOrDefault(table));
            taken.WithLabels(table).IncTo(status.PortsTakenOver.GetValueOrDefault(table));
        }
        Counter("ebpf_lb_nat_rests_cut_short_total", "NAT ports that rested for less than a minute because their table was full.")
            .IncTo(status.RestsCutShort);
        Counter("ebpf_lb_events_lost_total", "Events that found the ring buffer full.").IncTo(status.EventsLost);
        var interfaces = Gauge("ebpf_lb_interface_up", "Attached interfaces: 1 for one that exists, 0 for one that is gone.", "interface");
        foreach (var name in status.Interfaces)
            interfaces.WithLabels(name).Set(1);
        foreach (var name in status.Lost)
            interfaces.WithLabels(name).Set(0);
        Gauge("ebpf_lb_flows_limit", "Established flows that there is room for.").Set(status.RoomForFlows);
    }

    void Add(string service, BackendStatus backend)
    {
        string[] labels = [service, backend.Address];
        Gauge("ebpf_lb_backend_info", "The name or address by which a backend was configured.", [.. BackendLabels, "host"])
            .WithLabels([.. labels, backend.Name]).Set(1);
        Gauge("ebpf_lb_backend_weight", "Share of new flows; 0 for one that takes none.", BackendLabels)
            .WithLabels(labels).Set(backend.Weight);
        var states = Gauge("ebpf_lb_backend_state", "The state of a backend: 1 for the current one, else 0.", [.. BackendLabels, "state"]);
        foreach (var state in States)
            states.WithLabels([.. labels, state]).Set(state == backend.State ? 1 : 0);
        Gauge("ebpf_lb_flows", "Live flows.", BackendLabels).WithLabels(labels).Set(backend.Flows);
        Counter("ebpf_lb_flows_opened_total", "Flows opened.", BackendLabels).WithLabels(labels).IncTo(backend.Traffic.Opened);
        var packets = Counter("ebpf_lb_forwarded_packets_total", "Packets sent on.", DirectionLabels);
        var bytes = Counter("ebpf_lb_forwarded_bytes_total", "Bytes of IP packets sent on, their headers included.", DirectionLabels);
        packets.WithLabels([.. labels, "to-backend"]).IncTo(backend.Traffic.ToBackendPackets);
        packets.WithLabels([.. labels, "to-client"]).IncTo(backend.Traffic.ToClientPackets);
        bytes.WithLabels([.. labels, "to-backend"]).IncTo(backend.Traffic.ToBackendBytes);
        bytes.WithLabels([.. labels, "to-client"]).IncTo(backend.Traffic.ToClientBytes);
    }

    Counter Counter(string name, string help, params string[] labels) => _factory.CreateCounter(name, help, labels);

    Gauge Gauge(string name, string help, params string[] labels) => _factory.CreateGauge(name, help, labels);
}
