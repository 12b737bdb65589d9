namespace EbpfLb.Unit.Datapath.Cases;

/// <summary>
/// What the most trusted datapaths test, and this one has to answer for too. Each case is named by the tests that
/// hold it: <c>--filter-trait "case=Hairpin"</c> runs them.
/// </summary>
public enum PacketCase
{
    /// <summary>A new TCP or UDP flow gets a backend; addresses, ports, MACs and every checksum are right.</summary>
    NewFlow,

    /// <summary>An answer goes back to the client that asked.</summary>
    Reply,

    /// <summary>Two clients use one source port towards one backend, and never see each other's answers.</summary>
    SameSourcePort,

    /// <summary>A SYN that comes again keeps its backend; one on an ended flow's tuple opens a new flow.</summary>
    RepeatedSyn,

    /// <summary>A flow keeps its backend when the slot table changes.</summary>
    TableChange,

    /// <summary>The flows of a backend that leaves go on, also when it was the last one.</summary>
    BackendLeaves,

    /// <summary>Without a backend a flow is refused, and counted.</summary>
    NoBackend,

    /// <summary>SYN, ACK, FIN and RST, each of a known and of an unknown flow.</summary>
    FlagsByKnowledge,

    /// <summary>Both FINs, or a reset, shorten a flow's life; a half-open one times out.</summary>
    FlowEnds,

    /// <summary>What is not for a service passes byte for byte.</summary>
    NotOurs,

    /// <summary>Type of service and other fields are kept; the time to live goes down as at a router.</summary>
    HeaderFields,

    /// <summary>IP options and IPv6 extension headers get a defined verdict, never a misread port.</summary>
    OptionsAndExtensions,

    /// <summary>Later fragments follow their first one, or are left alone and counted.</summary>
    Fragments,

    /// <summary>Headers that are cut short or lie about their length are never misread.</summary>
    BrokenHeaders,

    /// <summary>An echo request to a service's address reaches the local stack.</summary>
    Echo,

    /// <summary>ICMP errors about a balanced packet are translated, and reach the peer that they concern.</summary>
    IcmpErrors,

    /// <summary>UDP's zero checksum stays zero, a computed zero becomes 0xffff, over IPv6 there is none.</summary>
    UdpZeroChecksum,

    /// <summary>Checksums left to hardware, and large segments, on the tc hook.</summary>
    Offloads,

    /// <summary>A NAT port that is taken is exchanged; where none is free the flow is refused, no other broken.</summary>
    NatPortTaken,

    /// <summary>An ended connection's NAT port goes to no other client towards that backend for a minute.</summary>
    RestingPort,

    /// <summary>On the kernel's default sysctls clients' ports are kept.</summary>
    DefaultLocalPorts,

    /// <summary>RoundRobinPositions alternate exactly, weights give exact shares, weight zero takes no new flow.</summary>
    RoundRobin,

    /// <summary>Maglev's shares follow the weights; a backend that leaves moves few flows of others.</summary>
    Maglev,

    /// <summary>One client, one backend.</summary>
    SourceHash,

    /// <summary>Shares follow the live flows, also after backends changed.</summary>
    LeastConnections,

    /// <summary>Direct server return changes MACs alone.</summary>
    DirectServerReturn,

    /// <summary>A backend is a client of its own service.</summary>
    Hairpin,

    /// <summary>The balancer's own connections to a backend are no balanced flows.</summary>
    OwnConnections,

    /// <summary>A neighbour that is not resolved yet does not cost the connection.</summary>
    UnresolvedNeighbour,

    /// <summary>A flood of new flows evicts no established one.</summary>
    FullTable,

    /// <summary>A full ring buffer costs events, which are counted, and no packet.</summary>
    FullRingBuffer,

    /// <summary>Any-port services, several services on one address, one port for both protocols.</summary>
    ManyServices,

    /// <summary>A flow that lost a half is healed, or removed whole.</summary>
    TornFlow,

    /// <summary>Clients and backends on networks that do not know of each other, each on an interface of its own.</summary>
    TwoNetworks,

    /// <summary>A SYN or datagram whose flow has a backend that is down goes to one that is up; other segments stay.</summary>
    BackendDown,

    /// <summary>A segment that no endpoint accepts (RFC 5961) is forwarded and changes nothing.</summary>
    ForgedSegments,

    /// <summary>A frame for another Ethernet address, or for several hosts, passes.</summary>
    OtherHost,

    /// <summary>A reply by an interface that does not lead to its backend is none.</summary>
    ReversePath,

    /// <summary>An interface whose packets have no Ethernet header.</summary>
    NoEthernet,

    /// <summary>IP in IP and GUE: outer header, checksums, TTL, DF, type of service; inner MTU and MSS.</summary>
    Tunnel,

    /// <summary>Counters equal what was sent, by reason, service and backend.</summary>
    Counters,
}
