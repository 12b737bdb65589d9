using EbpfLb.Abi;
using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>The datapath's maps (<c>bpf/maps.h</c>), typed.</summary>
sealed class LbTables : IDisposable
{
    readonly Dictionary<string, Fd> _all;

    LbTables(Func<string, Fd> open)
    {
        _all = Names.ToDictionary(name => name, open);
        Flows = new(_all["flows"], "flows");
        HalfOpen = new(_all["half_open"], "half_open");
        UdpFlows = new(_all["udp_flows"], "udp_flows");
        TableChanges = new(_all["table_changes"], "table_changes");
        TableScans = new(_all["table_scans"], "table_scans");
        PortFilter = new(new(_all["port_filter"], "port_filter"));
        AddressFilter = new(new(_all["address_filter"], "address_filter"));
        Services = new(_all["services"], "services");
        Backends = new(_all["backends"], "backends");
        Links = new(_all["links"], "links");
        EthernetLinks = new(_all["ethernet_links"], "ethernet_links");
        Slots = new(new(_all["slots"], "slots"));
        RoundRobinCounters = new(_all["rr_counters"], "rr_counters");
        ActiveFlows = new(_all["active_flows"], "active_flows");
        Sockets = new(_all["sockets"], "sockets");
        Reasons = new(_all["reasons"], "reasons");
        ServiceTraffic = new(_all["service_traffic"], "service_traffic");
        BackendTraffic = new(_all["backend_traffic"], "backend_traffic");
        EventsSuppressed = new(_all["events_suppressed"], "events_suppressed");
        EventsLost = new(_all["events_lost"], "events_lost");
        ReservedPorts = new(_all["reserved_ports"], "reserved_ports");
        ServiceLabels = new(_all["service_labels"], "service_labels");
        BackendLabels = new(_all["backend_labels"], "backend_labels");
        Instance = new(_all["instance"], "instance");
    }

    /// <summary>The names of all maps, in the objects and as pins.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "flows", "half_open", "udp_flows", "table_changes", "table_scans", "generation", "fragments", "frag_next_id", "port_filter",
        "address_filter", "services", "backends", "links", "ethernet_links", "slots", "rr_counters",
        "snat_cursors", "resting_ports", "active_flows", "sockets", "reasons", "service_traffic", "backend_traffic", "events", "events_due_ns",
        "events_suppressed", "events_lost", "reserved_ports", "service_labels", "backend_labels", "instance",
    ];

    /// <summary>Established TCP connections: a forward and a reply entry each.</summary>
    public BpfMap<LbTuple, LbFlow> Flows { get; }

    /// <summary>Half-open TCP connections: one endpoint has not answered yet.</summary>
    public BpfMap<LbTuple, LbFlow> HalfOpen { get; }

    /// <summary>UDP flows: a forward and a reply entry each.</summary>
    public BpfMap<LbTuple, LbFlow> UdpFlows { get; }

    /// <summary>
    /// All tables, in the order in which a connection passes through them: a scan misses none that becomes established
    /// meanwhile, and may see it twice. Both entries of a flow are in one table.
    /// </summary>
    public IEnumerable<BpfMap<LbTuple, LbFlow>> FlowMaps => FlowTables.Select(table => table.Map);

    /// <inheritdoc cref="FlowMaps"/>
    public IEnumerable<(LbFlowTable Table, BpfMap<LbTuple, LbFlow> Map)> FlowTables =>
        [(LbFlowTable.HalfOpen, HalfOpen), (LbFlowTable.Established, Flows), (LbFlowTable.Udp, UdpFlows)];

    /// <summary>Entries that the datapath inserted and removed, by table, per CPU.</summary>
    public BpfMap<LbFlowTable, LbTableChanges> TableChanges { get; }

    /// <summary>What the last scan found, by table.</summary>
    public BpfMap<LbFlowTable, LbTableScan> TableScans { get; }

    /// <summary>The ports of fragmented datagrams, used by the datapath alone (<c>bpf/frag.h</c>).</summary>
    public Fd Fragments => _all["fragments"];

    /// <summary>SNAT ports that rest, used by the datapath alone (<c>bpf/snat_rest.h</c>).</summary>
    public Fd RestingPorts => _all["resting_ports"];

    /// <summary>The ports of services and backends.</summary>
    public PortFilter PortFilter { get; }

    /// <summary>The addresses of services.</summary>
    public AddressFilter AddressFilter { get; }

    public BpfMap<LbServiceKey, LbService> Services { get; }

    public BpfMap<uint, LbBackend> Backends { get; }

    /// <summary>The attached interfaces by index.</summary>
    public BpfMap<uint, LbLink> Links { get; }

    /// <summary>Their link layers, from index 0 on.</summary>
    public BpfMap<uint, LbLinkLayer> EthernetLinks { get; }

    public SlotTables Slots { get; }

    /// <summary>The round-robin position by service id.</summary>
    public BpfMap<uint, ulong> RoundRobinCounters { get; }

    /// <summary>Active flows by backend id.</summary>
    public BpfMap<uint, long> ActiveFlows { get; }

    /// <summary>Open sockets that were given a backend.</summary>
    public BpfMap<LbSocketKey, LbSocket> Sockets { get; }

    /// <summary>Packets by <see cref="LbReason"/>, per CPU.</summary>
    public BpfMap<uint, ulong> Reasons { get; }

    public BpfMap<uint, LbTraffic> ServiceTraffic { get; }

    public BpfMap<uint, LbTraffic> BackendTraffic { get; }

    public Fd Events => _all["events"];

    /// <summary>Events beyond the limit by <see cref="LbEventType"/>, per CPU.</summary>
    public BpfMap<uint, ulong> EventsSuppressed { get; }

    /// <summary>Events that found the ring buffer full, per CPU, under key 0.</summary>
    public BpfMap<uint, ulong> EventsLost { get; }

    /// <summary>The ports that this instance added to <c>ip_local_reserved_ports</c>, 64 bits for each key.</summary>
    public BpfMap<uint, ulong> ReservedPorts { get; }

    public BpfMap<uint, LbLabel> ServiceLabels { get; }

    public BpfMap<uint, LbLabel> BackendLabels { get; }

    public BpfMap<uint, LbInstance> Instance { get; }

    public static LbTables From(BpfObject loaded) => new(loaded.Map);

    /// <summary>Opens the pins of a running instance.</summary>
    public static LbTables OpenPins(string directory) => new(name => Fd.OpenPin(Path.Combine(directory, name)));

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
