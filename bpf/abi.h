/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the datapath and user space share: the layout of every map's keys and
 * values. src/EbpfLb/Abi mirrors this file; a unit test holds the mirror
 * against the compiled objects' BTF.
 *
 * Byte order: __be16 and __be32 are network order; everything else is the
 * host's. No struct has padding that is not named, so keys compare as bytes.
 */
#pragma once

#include <linux/types.h>

/* Raised when a struct or an enum below changes its meaning or its layout. */
#define LB_ABI_VERSION 7

#define LB_MAX_SERVICES 1024
#define LB_MAX_BACKENDS 4096
#define LB_LABEL_LENGTH 64
#define LB_MAX_LINKS 16
#define LB_LINK_NAME_LENGTH 16 /* IFNAMSIZ */

/* The kernel's own limit (net.ipv4.icmp_msgs_per_sec) by default. */
#define LB_ICMP_PER_SECOND 1000

/* An id that names nothing: a packet event of a flow without a backend, say. */
#define LB_NO_ID 0xffffffffU

/*
 * An IPv6 address, or an IPv4 address a.b.c.d as ::ffff:a.b.c.d (RFC 4291,
 * 2.5.5.2): one width for both families, and no confusion between them.
 */
struct lb_address {
	__be32 word[4];
};

/* The five values that name a flow in one direction. */
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
	__be16 port; /* 0: every port but those that the local stack hands out */
	__u8 protocol;
	__u8 zero;
};

/* How a slot of a service's table is chosen for a new flow. */
enum lb_algorithm {
	LB_ROUND_ROBIN, /* in turn */
	LB_RANDOM,
	LB_SOURCE_HASH, /* by the client's address */
	LB_MAGLEV, /* by all five values of the flow */
	LB_LEAST_CONNECTIONS, /* the less busy of two random ones, by weight */
};

/* How packets get to the backend, and the answers to the client. */
enum __attribute__((packed)) lb_mode {
	LB_NAT, /* both ways through the balancer, with addresses rewritten */
	LB_DSR, /* as they are, to the backend's Ethernet address; it answers the client itself */
};

struct lb_service {
	__u32 id; /* below LB_MAX_SERVICES: indexes slots, cursors and counters */
	enum lb_algorithm algorithm;
	enum lb_mode mode;
	__u8 zero[3];
};

/* How a backend stands: for `status`. The datapath goes by slots and weights. */
enum lb_backend_state {
	LB_BACKEND_UNCHECKED, /* its service has no health check */
	LB_BACKEND_UNKNOWN, /* its checks have yet to decide */
	LB_BACKEND_UP,
	LB_BACKEND_DOWN,
	LB_BACKEND_DRAINING, /* takes no new flow; those it has go on until `drained_ns` */
	LB_BACKEND_DRAINED, /* takes no new flow and has none */
};

/* A backend of one service. An id whose address is zero is free. */
struct lb_backend {
	struct lb_address address;
	__be16 port; /* 0: the port that the client asked for */
	__u16 weight; /* 0: takes no new flow */
	__u32 service;
	__u64 drained_ns; /* CLOCK_MONOTONIC; when user space cuts what a draining one still has */
	enum lb_backend_state state;
	__u32 drain_ms; /* how long after it leaves that is */
};

/*
 * Where `ports` has a port's bit: in which word, and the bit is the one of the
 * remainder by 64. One side is the ports that packets from clients go to, the
 * other those that packets from backends come from.
 */
#define LB_PORT_FILTER_SERVICES 0
#define LB_PORT_FILTER_BACKENDS 1
#define LB_PORT_FILTER_WORD(side, udp, port) \
	((__u32)(side) << 11 | (__u32)(udp) << 10 | (port) >> 6)
#define LB_PORT_FILTER_WORDS (1 << 12)

/* An interface that the datapath stands on, by its index. */
struct lb_link {
	char name[LB_LINK_NAME_LENGTH]; /* keeps its place in every version */
	struct lb_address ip4; /* its own, that NAT may use; zero where it has none */
	struct lb_address ip6;
};

enum __attribute__((packed)) lb_direction {
	LB_TO_BACKEND,
	LB_TO_CLIENT,
};

/* What has been seen of a TCP connection in one direction. */
enum lb_tcp_seen {
	LB_SEEN_SYN = 1 << 0,
	LB_SEEN_ACK = 1 << 1, /* an ACK without SYN */
	LB_SEEN_FIN = 1 << 2,
	LB_SEEN_RST = 1 << 3,
	LB_SEEN_END =
		1 << 4, /* it is over: a FIN each way, or a reset; in mode dsr the client's FIN */
};

/* The way that packets take from here: what bpf_fib_lookup() told of it. */
struct lb_nexthop {
	__u8 destination[6]; /* Ethernet addresses, in the order that a frame has them in */
	__u8 source[6];
	__u32 ifindex;
};

/*
 * One direction of a flow; its key is the tuple that packets arrive with.
 * The other direction's key is `rewritten` with its ends swapped; in mode dsr
 * there is none, and `rewritten` says where packets go that leave as they came.
 *
 * With its key and what the kernel keeps of an entry (48 bytes), it fills three
 * cache lines of 64 bytes: the key's, that of `rewritten`, and that of the rest.
 */
struct lb_flow {
	struct lb_tuple rewritten; /* the tuple that packets leave with */
	__u64 opened_ns; /* CLOCK_MONOTONIC */
	__u64 seen_ns; /* the last packet's: CLOCK_MONOTONIC, coarse */
	__u64 packets;
	__u64 bytes; /* of IP packets, their headers included */
	enum lb_tcp_seen tcp_seen; /* this direction's */
	__u32 handshake_ack; /* what acknowledges this direction's SYN, in host order */
	struct lb_nexthop nexthop; /* the last packet's, while path_mtu is set */
	__u16 path_mtu; /* the largest IP packet, in bytes, that is known to fit; 0: the way is to be asked for */
	__u16 service;
	__u16 backend;
	enum lb_direction direction;
	enum lb_mode mode;
};

/* Why a packet got its verdict: each packet counts under one reason a hook. */
enum lb_reason {
	LB_CONTINUE, /* the walk goes on; never counted */
	/* Sent on. */
	LB_SENT_TO_BACKEND,
	LB_SENT_TO_CLIENT,
	LB_SENT_ICMP_ERROR, /* about a packet of ours, to whoever sent that */
	/* Answered, with an ICMP error of the balancer's own. */
	LB_SENT_TIME_EXCEEDED,
	LB_SENT_TOO_BIG,
	LB_SENT_UNREACHABLE,
	/* Not ours: passed to the local stack as it came. */
	LB_PASS_NOT_IP,
	LB_PASS_PROTOCOL,
	LB_PASS_FRAGMENT,
	LB_PASS_MALFORMED,
	LB_PASS_NO_SERVICE,
	/* XDP leaves the packet to the tc program behind it. */
	LB_PASS_TO_TC,
	/* Refused: passed to the local stack, which answers with a reset or an ICMP error. */
	LB_REFUSE_UNKNOWN_FLOW,
	LB_REFUSE_NO_BACKEND,
	LB_REFUSE_NO_PORT,
	LB_REFUSE_NO_FLOW,
	LB_REFUSE_NO_ROUTE,
	LB_REFUSE_NO_SOURCE, /* the way to the backend leaves by an interface where NAT has no address */
	/* Dropped. */
	LB_DROP_TTL,
	LB_DROP_TOO_BIG, /* for the way on */
	LB_DROP_NO_ROUTE, /* any more, for a flow that had one */
	LB_DROP_ICMP_LIMIT, /* an error was due, and too many had been sent */
	LB_DROP_REWRITE,
	LB_REASON_COUNT,
};

/* Counted per CPU, for each service and each backend. */
struct lb_traffic {
	__u64 flows; /* opened */
	__u64 to_backend_packets;
	__u64 to_backend_bytes; /* of IP packets, their headers included */
	__u64 to_client_packets;
	__u64 to_client_bytes;
};

enum lb_event_type {
	LB_EVENT_OPENED,
	LB_EVENT_CLOSED,
	LB_EVENT_REFUSED, /* `reason` says why */
	LB_EVENT_PACKET,
};

enum lb_event_level {
	LB_EVENTS_OFF,
	LB_EVENTS_FLOWS,
	LB_EVENTS_PACKETS,
};

/*
 * A flow event carries the client's tuple and the backend's; a packet event
 * the tuple before and after the rewrite.
 */
struct lb_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct lb_tuple before;
	struct lb_tuple after;
	enum lb_event_type type;
	enum lb_reason reason;
	__u32 service;
	__u32 backend;
	__u64 duration_ns; /* closed: since it opened */
	__u64 packets; /* closed: both directions' */
	__u64 bytes; /* closed: both directions', of IP packets */
};

/* Set once, before the program is loaded; the verifier folds them in. */
struct lb_settings {
	__u16 nat_port_min; /* source ports for connections to backends */
	__u16 nat_port_max;
	__u16 local_port_min; /* never used for NAT: the local stack's own */
	__u16 local_port_max;
	enum lb_event_level event_level;
	__u32 icmp_per_second; /* own errors of each CPU; 0: no limit */
	__u32 fib_lookup_src; /* 1: the kernel tells with a route which address to send from */
};

/* Written by user space for `status`; the datapath does not read these. */
struct lb_label {
	char text[LB_LABEL_LENGTH]; /* UTF-8, zero-terminated */
};

struct lb_instance {
	__u32 abi_version; /* this and the next keep their places in every version */
	__u32 ifindex;
	__u32 hook; /* HookKind of the runner */
	__u32 pid;
	__u64 attached_ns; /* CLOCK_MONOTONIC */
	__u64 layout; /* a digest of the layouts of all maps, for who wants to take them over */
	char why[128]; /* why this hook was taken */
};

_Static_assert(sizeof(struct lb_address) == 16, "lb_address");
_Static_assert(sizeof(struct lb_tuple) == 40, "lb_tuple");
_Static_assert(sizeof(struct lb_service_key) == 20, "lb_service_key");
_Static_assert(sizeof(struct lb_service) == 12, "lb_service");
_Static_assert(sizeof(struct lb_backend) == 40, "lb_backend");
_Static_assert(sizeof(struct lb_link) == 48, "lb_link");
_Static_assert(LB_MAX_SERVICES <= 0x10000 && LB_MAX_BACKENDS <= 0x10000, "ids in lb_flow");
_Static_assert(sizeof(struct lb_nexthop) == 16, "lb_nexthop");
_Static_assert(sizeof(struct lb_flow) == 104, "lb_flow");
_Static_assert(sizeof(struct lb_traffic) == 40, "lb_traffic");
_Static_assert(sizeof(struct lb_event) == 128, "lb_event");
_Static_assert(sizeof(struct lb_settings) == 20, "lb_settings");
_Static_assert(sizeof(struct lb_label) == 64, "lb_label");
_Static_assert(sizeof(struct lb_instance) == 160, "lb_instance");
