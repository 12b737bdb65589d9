using EbpfLb.Abi;
using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>The datapath's maps (<c>bpf/maps.h</c>), typed.</summary>
sealed class LbTables(IReadOnlyDictionary<string, Fd> all) : IDisposable
{
    readonly IReadOnlyDictionary<string, Fd> _all = all;

    /// <summary>The names of all maps, in the objects and as pins.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "flows", "half_open", "udp_flows", "table_changes", "table_scans", "generation", "fragments", "frag_next_id", "port_filter",
        "address_filter", "services", "backends", "links", "ethernet_links", "slots", "rr_counters",
        "snat_cursors", "resting_ports", "active_flows", "sockets", "reasons", "service_traffic", "backend_traffic", "events", "events_due_ns",
        "events_suppressed", "events_lost", "reserved_ports", "service_labels", "backend_labels", "instance",
    ];

    /// <summary>Established TCP connections: a forward and a reply entry each.</summary>
    public BpfMap<LbTuple, LbFlow> Flows { get; } = new(all["flows"], "flows");

    /// <summary>Half-open TCP connections: one endpoint has not answered yet.</summary>
    public BpfMap<LbTuple, LbFlow> HalfOpen { get; } = new(all["half_open"], "half_open");

    /// <summary>UDP flows: a forward and a reply entry each.</summary>
    public BpfMap<LbTuple, LbFlow> UdpFlows { get; } = new(all["udp_flows"], "udp_flows");

    /// <summary>
    /// All tables, in the order in which a connection passes through them: a scan misses none that becomes established
    /// meanwhile, and may see it twice. Both entries of a flow are in one table.
    /// </summary>
    public IEnumerable<BpfMap<LbTuple, LbFlow>> FlowMaps => FlowTables.Select(table => table.Map);

    /// <inheritdoc cref="FlowMaps"/>
    public IEnumerable<(LbFlowTable Table, BpfMap<LbTuple, LbFlow> Map)> FlowTables =>
        [(LbFlowTable.HalfOpen, HalfOpen), (LbFlowTable.Established, Flows), (LbFlowTable.Udp, UdpFlows)];

    /// <summary>Entries that the datapath inserted and removed, by table, per CPU.</summary>
    public BpfMap<LbFlowTable, LbTableChanges> TableChanges { get; } = new(all["table_changes"], "table_changes");

    /// <summary>What the last scan found, by table.</summary>
    public BpfMap<LbFlowTable, LbTableScan> TableScans { get; } = new(all["table_scans"], "table_scans");

    /// <summary>The ports of fragmented datagrams, used by the datapath alone (<c>bpf/frag.h</c>).</summary>
    public Fd Fragments => _all["fragments"];

    /// <summary>SNAT ports that rest, used by the datapath alone (<c>bpf/snat_rest.h</c>).</summary>
    public Fd RestingPorts => _all["resting_ports"];

    /// <summary>The ports of services and backends.</summary>
    public PortFilter PortFilter { get; } = new(new(all["port_filter"], "port_filter"));

    /// <summary>The addresses of services.</summary>
    public AddressFilter AddressFilter { get; } = new(new(all["address_filter"], "address_filter"));
    public BpfMap<LbServiceKey, LbService> Services { get; } = new(all["services"], "services");
    public BackendTable Backends { get; } = new(all["backends"], "backends");

    /// <summary>The attached interfaces by index.</summary>
    public BpfMap<uint, LbLink> Links { get; } = new(all["links"], "links");

    public BpfMap<uint, LbLinkLayer> EthernetLinks { get; } = new(all["ethernet_links"], "ethernet_links");
    public SlotTables Slots { get; } = new(new(all["slots"], "slots"));

    /// <summary>The round-robin position by service id.</summary>
    public BpfMap<uint, ulong> RoundRobinCounters { get; } = new(all["rr_counters"], "rr_counters");

    /// <summary>Active flows by backend id.</summary>
    public BpfMap<uint, long> ActiveFlows { get; } = new(all["active_flows"], "active_flows");

    /// <summary>Open sockets that were given a backend.</summary>
    public BpfMap<LbSocketKey, LbSocket> Sockets { get; } = new(all["sockets"], "sockets");

    /// <summary>Packets by <see cref="LbReason"/>, per CPU.</summary>
    public BpfMap<uint, ulong> Reasons { get; } = new(all["reasons"], "reasons");
    public BpfMap<uint, LbTraffic> ServiceTraffic { get; } = new(all["service_traffic"], "service_traffic");
    public BpfMap<uint, LbTraffic> BackendTraffic { get; } = new(all["backend_traffic"], "backend_traffic");

    public Fd Events => _all["events"];

    /// <summary>Events beyond the limit by <see cref="LbEventType"/>, per CPU.</summary>
    public BpfMap<uint, ulong> EventsSuppressed { get; } = new(all["events_suppressed"], "events_suppressed");

    /// <summary>Events that found the ring buffer full, per CPU, under key 0.</summary>
    public BpfMap<uint, ulong> EventsLost { get; } = new(all["events_lost"], "events_lost");

    /// <summary>The ports that this instance added to <c>ip_local_reserved_ports</c>, 64 bits for each key.</summary>
    public BpfMap<uint, ulong> ReservedPorts { get; } = new(all["reserved_ports"], "reserved_ports");
    public BpfMap<uint, LbLabel> ServiceLabels { get; } = new(all["service_labels"], "service_labels");
    public BpfMap<uint, LbLabel> BackendLabels { get; } = new(all["backend_labels"], "backend_labels");
    public BpfMap<uint, LbInstance> Instance { get; } = new(all["instance"], "instance");

    public static LbTables From(BpfObject loaded) => new(Names.ToDictionary(name => name, loaded.Map));

    /// <summary>Opens the pins of a running instance.</summary>
    public static LbTables OpenPins(string directory) =>
        new(Names.ToDictionary(name => name, name => Fd.OpenPin(Path.Combine(directory, name))));

    public void PinTo(string directory)
    {
        foreach (var (name, fd) in _all)
            fd.Pin(Path.Combine(directory, name));
    }

    /// <summary>Makes another object use these maps in place of its own.</summary>
    public void ShareWith(BpfObject other)
    {
        foreach (var (name, fd) in _all)
            other.ReuseMap(name, fd);
    }

    public void Dispose()
    {
        foreach (var fd in _all.Values)
            fd.Dispose();
    }
}
