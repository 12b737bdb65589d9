/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The ABI between the datapath and user space: the keys and values of every
 * map. src/EbpfLb/Abi mirrors this file; a unit test compares the mirror with
 * the compiled objects' BTF.
 *
 * Byte order: __be16 and __be32 are network order; everything else is the
 * host's. No struct has unnamed padding, so keys compare as bytes.
 */
#pragma once

#include <linux/types.h>

/* Incremented when the meaning or layout of a struct or enum below changes. */
#define LB_ABI_VERSION 15

/* The sizes in the objects. User space sets others before the load (--max-services, --max-backends). */
#define LB_MAX_SERVICES 1024
#define LB_MAX_BACKENDS 4096
#define LB_LABEL_LENGTH 64
#define LB_MAX_LINKS 16
#define LB_MAX_SOCKETS 32768
#define LB_LINK_NAME_LENGTH 16 /* IFNAMSIZ */

/* The default of the kernel's own limit (net.ipv4.icmp_msgs_per_sec). */
#define LB_ICMP_PER_SECOND 1000

/* No id: of an event without a backend, for example. */
#define LB_NO_ID 0xffffffffU

/*
 * An IPv6 address, or an IPv4 address a.b.c.d as ::ffff:a.b.c.d (RFC 4291,
 * 2.5.5.2): one width for both families.
 */
struct lb_address {
	__be32 word[4];
};

/* The five-tuple of one direction of a flow. */
struct lb_tuple {
	struct lb_address src;
	struct lb_address dst;
	__be16 sport;
	__be16 dport;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 zero[3];
};

struct lb_service_key {
	struct lb_address address;
	__be16 port; /* 0: every port outside ip_local_port_range */
	__u8 protocol;
	__u8 zero;
};

/* How a new flow selects a slot of its service's table. */
enum lb_algorithm {
	LB_ROUND_ROBIN,
	LB_RANDOM,
	LB_SOURCE_HASH, /* by the client's address */
	LB_MAGLEV, /* by the client's tuple */
	LB_LEAST_CONNECTIONS, /* the less busy of two random slots, by weight */
};

/* How packets reach the backend and replies the client. */
enum __attribute__((packed)) lb_mode {
	LB_NAT, /* both directions pass the balancer, which rewrites the addresses */
	LB_DSR, /* only the Ethernet addresses change; the backend replies to the client itself */
	LB_TUNNEL_IPIP, /* an IP header is put before the packet; the backend replies to the client itself */
	LB_TUNNEL_GUE, /* an IP and a UDP header are put before the packet (GUE, variant 1); likewise */
};

/* The source address of packets to backends in mode nat. */
enum __attribute__((packed)) lb_nat_source {
	LB_NAT_SOURCE_SERVICE, /* the service's; as LB_NAT_SOURCE_INTERFACE if the packet leaves by another interface than it came by */
	LB_NAT_SOURCE_INTERFACE, /* the address of the interface that the packet leaves by */
	LB_NAT_SOURCE_ADDRESS, /* lb_service.nat_address */
};

struct lb_service {
	__u32 id; /* below the number of services: indexes slots, rr_counters and counters */
	enum lb_algorithm algorithm;
	enum lb_mode mode;
	enum lb_nat_source nat_source;
	__u8 zero[2];
	struct lb_address nat_address; /* zero unless nat_source is LB_NAT_SOURCE_ADDRESS */
};

/* A backend's state, for `status`. The datapath uses slots and weights only. */
enum lb_backend_state {
	LB_BACKEND_UNCHECKED, /* its service has no health check */
	LB_BACKEND_UNKNOWN, /* its checks have no result yet */
	LB_BACKEND_UP,
	LB_BACKEND_DOWN,
	LB_BACKEND_DRAINING, /* takes no new flow; its flows go on until `drained_ns` */
	LB_BACKEND_DRAINED, /* takes no new flow and has none */
};

/* A backend of one service. An id whose address is zero is free. */
struct lb_backend {
	struct lb_address address;
	__be16 port; /* 0: the port that the client connects to */
	__u16 weight; /* 0: takes no new flow */
	__u32 service;
	__u64 drained_ns; /* CLOCK_MONOTONIC; when user space removes the flows of a draining or down backend; 0: never */
	enum lb_backend_state state;
	__u32 drain_ms; /* the drain time */
};

/*
 * The word of `port_filter` that has a port's bit; the bit's number is the port
 * modulo 64. The filter has two sides: destination ports of clients' packets,
 * and source ports of backends' packets.
 */
#define LB_PORT_FILTER_SERVICES 0
#define LB_PORT_FILTER_BACKENDS 1
#define LB_PORT_FILTER_WORD(side, udp, port) \
	((__u32)(side) << 11 | (__u32)(udp) << 10 | (port) >> 6)
#define LB_PORT_FILTER_WORDS (1 << 12)

/*
 * The address filter: a bit for each hash of an address, bit n in word n / 64. It has
 * a half for each writer, because user space writes whole words: the addresses of
 * services by user space, those that SNAT sends from by the datapath.
 */
#define LB_ADDRESS_FILTER_BITS 12
#define LB_ADDRESS_FILTER_SERVICES 0
#define LB_ADDRESS_FILTER_SNAT 1
#define LB_ADDRESS_FILTER_WORD(side, bit) \
	((__u32)(side) << (LB_ADDRESS_FILTER_BITS - 6) | (bit) >> 6)
#define LB_ADDRESS_FILTER_WORDS (2 << (LB_ADDRESS_FILTER_BITS - 6))

/* An attached interface. */
struct lb_link {
	char name[LB_LINK_NAME_LENGTH]; /* at the same offset in every version */
	struct lb_address ip4; /* its own address, for SNAT; zero if it has none */
	struct lb_address ip6;
};

/*
 * The link layer of an attached interface, which the programs cannot see: what
 * its frames begin with, and which of them are for it.
 */
struct lb_link_layer {
	__u32 ifindex; /* 0: the element is free, and so are those behind it */
	__u8 address[6]; /* its Ethernet address */
	__u8 hides_tags; /* 1: the card may remove VLAN tags, and the host has VLANs on it */
	__u8 is_bare; /* 1: packets come without an Ethernet header (tun, WireGuard, ipip, ppp) */
};

enum __attribute__((packed)) lb_direction {
	LB_TO_BACKEND,
	LB_TO_CLIENT,
};

/* The TCP segments seen in one direction of a flow. */
enum lb_tcp_seen {
	LB_SEEN_SYN = 1 << 0,
	LB_SEEN_ACK = 1 << 1, /* an acknowledgment without SYN */
	LB_SEEN_FIN = 1 << 2,
	LB_SEEN_RST = 1 << 3,
	LB_SEEN_END =
		1
		<< 4, /* the connection is over: a FIN in each direction and its acknowledgment, or a reset; in modes dsr and tunnel the client's FIN */
	LB_SEEN_CLAIMED = 1 << 5, /* a reply entry: a CPU takes its SNAT port over */
};

/* The unit of lb_flow.seen: 2^22 ns, about 4 ms. */
#define LB_SEEN_SHIFT 22

/*
 * Above the flags, lb_flow.tcp_seen has the interface that replies come by: the
 * lower 24 bits of its index, or 0 if it is unknown (reverse_path.h).
 */
#define LB_REPLY_LINK_SHIFT 8

/* The next hop, from bpf_fib_lookup(). */
struct lb_nexthop {
	__u8 destination[6]; /* Ethernet addresses in a frame's order */
	__u8 source[6];
	__u32 ifindex;
};

/*
 * A flow's entry for one direction. Its key is the tuple that packets arrive
 * with; the key of the other direction's entry is `rewritten` reversed. In modes
 * dsr and tunnel there is one entry, and packets leave as they arrive:
 * rewritten.dst is the backend. In mode tunnel rewritten.src and sport are those
 * of the outer header.
 *
 * With the key and the kernel's part of a map entry (48 bytes) it fills three
 * cache lines of 64 bytes: the key's, that of `rewritten`, and the rest.
 */
struct lb_flow {
	struct lb_tuple rewritten; /* the tuple that packets leave with */
	__u64 opened_ns; /* CLOCK_MONOTONIC */
	__u64 packets;
	__u64 bytes; /* of IP packets, headers included */
	__u32 seen; /* time of the last packet: CLOCK_MONOTONIC >> LB_SEEN_SHIFT, wraps after 208 days */
	enum lb_tcp_seen tcp_seen; /* of this direction, and the interface that replies come by */
	__u32 seq_next; /* host order; the sequence number after the last accepted segment of this direction */
	__u32 ack; /* host order; the highest acknowledgment of this direction, or of a client that has acknowledged nothing the number after its latest SYN */
	struct lb_nexthop nexthop; /* cached; valid if path_mtu is not 0 */
	__u16 path_mtu; /* the largest IP packet, in bytes, that is known to fit the cached next hop; 0: none is cached */
	__u16 service;
	__u16 backend;
	enum lb_direction direction;
	enum lb_mode mode;
};

/*
 * What a socket was given a backend for: slot 0 when it connected to a service, the
 * others, of UDP, when it sent to one without connecting.
 */
#define LB_SOCKET_SLOTS 5

struct lb_socket_key {
	__u64 cookie; /* the socket's */
	__u32 slot;
	__u32 zero;
};

/*
 * An open socket that the socket programs gave a backend. The source of both tuples
 * is unspecified until TCP connects, and stays so for UDP, except for a port that
 * the socket is bound to.
 */
struct lb_socket {
	struct lb_tuple client; /* to the service, as the program asked for it */
	struct lb_tuple rewritten; /* to the backend, as the kernel connects it */
	__u64 opened_ns; /* CLOCK_MONOTONIC */
	__u16 service;
	__u16 backend;
	__u32 zero;
};

/*
 * Why a packet got its verdict. Each packet counts under one reason per hook.
 * The range that a reason is in says what happens to the packet (LB_ACTION): a
 * new reason goes into the range that its prefix names, and a unit test compares
 * the two. Reasons may be added at the end of a range; a gap counts nothing.
 */
#define LB_REASON_RANGE 16

enum lb_reason {
	LB_CONTINUE, /* no verdict yet; never counted */
	/* Sent: forwarded, or answered with an ICMP error of the balancer's own. */
	LB_SENT_TO_BACKEND = 1 * LB_REASON_RANGE,
	LB_SENT_TO_CLIENT,
	LB_SENT_ICMP_ERROR, /* translated, to the sender of the packet that it quotes */
	LB_SENT_TIME_EXCEEDED,
	LB_SENT_TOO_BIG,
	LB_SENT_UNREACHABLE,
	/* Not ours: passed to the local stack unchanged. */
	LB_PASS_NOT_IP = 2 * LB_REASON_RANGE,
	LB_PASS_PROTOCOL,
	LB_PASS_FRAGMENT,
	LB_PASS_MALFORMED,
	LB_PASS_NO_SERVICE,
	LB_PASS_TO_TC, /* XDP leaves the packet to the tc program behind it */
	LB_PASS_OTHER_HOST, /* the frame is for another Ethernet address, or for several hosts */
	LB_PASS_MARTIAN, /* for a service, from an address that no client can have */
	/* Refused: passed to the local stack, which answers with a reset or an ICMP error. */
	LB_REFUSE_UNKNOWN_FLOW = 3 * LB_REASON_RANGE,
	LB_REFUSE_NO_BACKEND,
	LB_REFUSE_NO_PORT,
	LB_REFUSE_NO_FLOW,
	LB_REFUSE_NO_ROUTE,
	LB_REFUSE_NO_SOURCE, /* SNAT has no address on the interface that leads to the backend */
	/* Dropped. */
	LB_DROP_TTL = 4 * LB_REASON_RANGE,
	LB_DROP_TOO_BIG, /* for the path MTU */
	LB_DROP_NO_ROUTE, /* a flow's route is gone */
	LB_DROP_ICMP_LIMIT, /* an ICMP error was due, and the rate limit was reached */
	LB_DROP_REWRITE,
	LB_DROP_REVERSE_PATH, /* a reply by an interface that does not lead to the backend */
	LB_REASON_COUNT = 5 * LB_REASON_RANGE,
};

/* The maps of flow entries. */
enum lb_flow_table {
	LB_TABLE_ESTABLISHED, /* flows */
	LB_TABLE_HALF_OPEN, /* half_open */
	LB_TABLE_UDP, /* udp_flows */
	LB_TABLE_COUNT,
};

/*
 * Entries that the datapath inserted into a flow table and removed from it,
 * counted per CPU. The kernel does not count evictions: those are the entries that
 * were inserted, were not removed, and are not there.
 */
struct lb_table_changes {
	__u64 inserted;
	__u64 removed;
	__u64 ports_taken_over; /* SNAT ports that new flows took over from its flows; not those that had rested */
	__u64 rests_cut_short; /* of SNAT ports, because `resting_ports` was full */
};

/* What user space found in a flow table; it writes this after each scan. */
struct lb_table_scan {
	__u64 removed; /* entries that user space removed */
	__u64 evicted; /* at least as many entries were evicted */
};

/* Counted per CPU, for each service and each backend. */
struct lb_traffic {
	__u64 flows; /* opened */
	__u64 to_backend_packets;
	__u64 to_backend_bytes; /* of IP packets, headers included */
	__u64 to_client_packets;
	__u64 to_client_bytes;
};

enum lb_event_type {
	LB_EVENT_OPENED,
	LB_EVENT_CLOSED,
	LB_EVENT_REFUSED, /* `reason` says why */
	LB_EVENT_PACKET,
	LB_EVENT_TYPE_COUNT,
};

enum lb_event_level {
	LB_EVENTS_OFF,
	LB_EVENTS_FLOWS,
	LB_EVENTS_PACKETS,
};

/*
 * An event of a flow has the client's tuple before, and the tuple to the backend
 * after, the rewrite. A refusal without a selected backend has the client's twice.
 * An event of a packet has the packet's.
 */
struct lb_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct lb_tuple before;
	struct lb_tuple after;
	enum lb_event_type type;
	enum lb_reason reason;
	__u32 service;
	__u32 backend;
	__u64 duration_ns; /* closed: since it was opened */
	__u64 packets; /* closed: of both directions */
	__u64 bytes; /* closed: of both directions, of IP packets */
};

/* What the program of `ebpf-lb decapsulate` did with a packet; it counts each of them (decap.bpf.c). */
enum decap_result {
	DECAP_IPIP, /* the outer IP header was removed */
	DECAP_GUE, /* the outer IP and UDP headers were removed */
	DECAP_PASS_OTHER, /* a tunnel's packet that is not for an address of the interface: passed unchanged */
	DECAP_PASS_MALFORMED, /* a tunnel's packet without an inner packet that can be read: passed unchanged */
	DECAP_DROP_ECN, /* congestion was marked, and the inner packet cannot say so (RFC 6040, 4.2) */
	DECAP_DROP_REWRITE, /* the kernel could not remove the header */
	DECAP_COUNT,
	DECAP_NONE, /* no tunnel's packet; never counted */
};

/* Set before the load; constants for the verifier. */
struct lb_settings {
	__u16 nat_port_min; /* clients' ports that SNAT keeps if they are free */
	__u16 nat_port_max;
	__u16 substitute_port_min; /* SNAT's other ports: within those, and none that local sockets get */
	__u16 substitute_port_max;
	__u16 local_port_min; /* ip_local_port_range: no ports of a service of any port */
	__u16 local_port_max;
	enum lb_event_level event_level;
	__u32 events_per_second; /* of each type; 0: no limit */
	__u32 icmp_per_second; /* ICMP errors per CPU; 0: no limit */
	__u32 fib_lookup_src; /* 1: bpf_fib_lookup() selects source addresses (Linux 6.7) */
	__u32 resting_sets; /* the size of `resting_ports` */
};

/* User space writes these for `status`; the datapath does not read them. */
struct lb_label {
	char text[LB_LABEL_LENGTH]; /* UTF-8, zero-terminated */
};

struct lb_instance {
	__u32 abi_version; /* this and the next field are at the same offset in every version */
	__u32 ifindex;
	__u32 hook; /* HookKind of the runner */
	__u32 pid;
	__u64 attached_ns; /* CLOCK_MONOTONIC */
	__u64 layout; /* the digest of all map layouts: maps are adopted if it is equal */
	__u64 withdrawn_ns; /* CLOCK_MONOTONIC; when a process that withdraws ends; 0: it does not withdraw */
	char why[128]; /* why this hook was chosen */
};

_Static_assert(sizeof(struct lb_address) == 16, "lb_address");
_Static_assert(sizeof(struct lb_tuple) == 40, "lb_tuple");
_Static_assert(sizeof(struct lb_service_key) == 20, "lb_service_key");
_Static_assert(sizeof(struct lb_service) == 28, "lb_service");
_Static_assert(sizeof(struct lb_backend) == 40, "lb_backend");
_Static_assert(sizeof(struct lb_link) == 48, "lb_link");
_Static_assert(sizeof(struct lb_link_layer) == 12, "lb_link_layer");
_Static_assert(LB_MAX_SERVICES <= 0x10000 && LB_MAX_BACKENDS <= 0x10000, "ids in lb_flow");
_Static_assert(sizeof(struct lb_nexthop) == 16, "lb_nexthop");
_Static_assert(sizeof(struct lb_flow) == 104, "lb_flow");
_Static_assert(sizeof(struct lb_socket_key) == 16, "lb_socket_key");
_Static_assert(sizeof(struct lb_socket) == 96, "lb_socket");
_Static_assert(sizeof(struct lb_table_changes) == 32, "lb_table_changes");
_Static_assert(sizeof(struct lb_table_scan) == 16, "lb_table_scan");
_Static_assert(sizeof(struct lb_traffic) == 40, "lb_traffic");
_Static_assert(sizeof(struct lb_event) == 128, "lb_event");
_Static_assert(sizeof(struct lb_settings) == 32, "lb_settings");
_Static_assert(sizeof(struct lb_label) == 64, "lb_label");
_Static_assert(sizeof(struct lb_instance) == 168, "lb_instance");
