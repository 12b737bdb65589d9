/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The datapath's own types, and what every header needs from the kernel and
 * libbpf. Types named lb_ are shared with user space (abi.h).
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

#define NS_PER_SECOND 1000000000ULL

/*
 * The verifier needs an upper bound for each offset into a packet. This one is
 * above the end of the longest header chain that ip.h reads.
 */
#define LB_OFFSET_MASK 0x3fff

/* <sys/socket.h> defines AF_INET and AF_INET6, and does not compile for eBPF. */
#define LB_AF_INET 2
#define LB_AF_INET6 10

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

/*
 * Marks a global function: the verifier checks it once for any arguments, not
 * once per call, and it has a stack of its own. The verifier takes no contract
 * of the caller over: the function checks every pointer for NULL and every
 * offset for its bounds. Before Linux 6.2 a pointer argument cannot be a map's
 * key or value (see pkt_ctx_get).
 */
#define lb_global __noinline

/* BPF_DEBUG=1 builds write to the kernel's trace pipe; others compile to nothing. */
#ifdef LB_DEBUG
#define lb_debug(...) bpf_printk("ebpf-lb: " __VA_ARGS__)
#else
#define lb_debug(...) ((void)0)
#endif

/*
 * Loads a packet pointer (data, data_end) from the context. The verifier treats
 * the 32-bit field as a 64-bit pointer. Clang does not know that: without the
 * assembler it would zero-extend the value, or keep it across helpers that move
 * the packet.
 */
#define ctx_pointer(ctx, field)                                                 \
	({                                                                      \
		void *__pointer;                                                \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                           \
			     : "=r"(__pointer)                                  \
			     : "r"(ctx), "i"(offsetof(typeof(*(ctx)), field))); \
		__pointer;                                                      \
	})

enum fragment {
	FRAGMENT_NONE, /* a whole packet */
	FRAGMENT_FIRST, /* has the ports */
	FRAGMENT_LATER, /* has no ports: the tuple's are zero until frag_lookup() sets them */
};

/* A parsed packet. Offsets count from the start of the frame, all sizes are bytes. */
struct packet {
	struct lb_tuple tuple;
	__u32 l3_offset; /* of the IP header */
	__u32 l4_offset; /* of the TCP, UDP or ICMP header */
	__u32 l3_length; /* of the IP packet, without a trailer of the frame */
	__u32 l4_length;
	__be32 fragment_id;
	__be32 snat_fragment_id; /* the id that a fragment leaves with in mode nat; see frag.h */
	__u32 fragment_offset; /* of IPv6's fragment header */
	__be32 tcp_seq;
	__be32 tcp_ack;
	enum fragment fragment;
	__u16 l4_checksum; /* the field's value, for TCP and UDP only */
	__u8 l4_header_length; /* 0 for ICMP */
	__u8 ttl; /* or hop limit */
	__u8 tcp_flags; /* 0 for UDP */
	__u8 jumbo_header_length; /* of the extension header that BIG TCP loses when it is cut into segments */
	bool csum_partial; /* XDP: the checksum field looks like CHECKSUM_PARTIAL */
};

/* A flow before it is inserted. `flow` is the reply entry first, the forward entry then. */
struct new_flow {
	struct lb_flow flow;
	struct lb_tuple reply_key;
	struct lb_tuple fib_key; /* the tuple that the FIB look-up was made for */
	enum lb_flow_table table; /* that the forward entry belongs in */
};

/* The result of a FIB and neighbour look-up. */
struct fib_result {
	struct lb_nexthop nexthop; /* the Ethernet addresses are valid if `resolved` */
	__u32 mtu; /* the largest IP packet, in bytes, that is known to fit */
	struct lb_address gateway; /* valid if `routed`; the destination itself if on link */
	bool routed; /* false: the kernel routes the packet by itself */
	bool resolved; /* the neighbour's Ethernet address is known */
	bool fib_done; /* the result is for this very packet as it leaves: no second look-up */
};

/* How a flow holds its SNAT port: the first to be taken over comes first. */
enum snat_hold {
	SNAT_HOLD_ENDED, /* the flow is over */
	SNAT_HOLD_UNANSWERED, /* half-open, or of UDP and without an answer for so long that none is expected */
	SNAT_HOLD_SILENT, /* of UDP and answered: no packet in the last second */
	SNAT_HOLD_LIVE,
};

/* A port that a new flow takes over if it finds no better one. */
struct snat_victim {
	__u64 opened_ns; /* tells the flow from the next one that has the port; SNAT_NO_HOLDER: the port rests */
	__u32 seen;
	enum snat_hold hold;
	__be16 port; /* 0: there is none */
};

/* The state of one packet; see pkt_ctx.h. Each part is cleared where it is first needed. */
struct pkt_ctx {
	struct packet pkt;
	struct packet quote; /* the packet that an ICMP error quotes */
	struct fib_result fib;
	struct snat_victim victim;
	struct new_flow new_flow;
};

/* Identifies the datagram of a fragment (RFC 791, 3.2; RFC 8200, 4.5). */
struct frag_key {
	struct lb_address src;
	struct lb_address dst;
	__be32 id;
	__u8 protocol; /* IPv4 only: an IPv6 id is unique without it */
	__u8 zero[3];
};

struct frag_ports {
	__u64 tracked_ns; /* CLOCK_MONOTONIC, coarse */
	__be32 snat_id; /* an IPv4 id takes its first two bytes */
	__be16 sport;
	__be16 dport;
	__u8 protocol;
	__u8 zero[7];
};

/* The unit of resting_port.since: 2^28 ns, about 0.27 s. */
#define RESTING_SHIFT 28

/*
 * A SNAT port whose connection is over. Client and time are short, so that a set fills
 * a cache line: two clients that are taken for one cost a SYN that is sent again, and
 * a time that has wrapped around (after five hours) costs a client its own port.
 */
struct resting_port {
	__u32 tuple; /* the hash of its tuple; 0: the element is free */
	__u16 client; /* of the hash of the client's address */
	__u16 since; /* CLOCK_MONOTONIC, coarse */
};

#define RESTING_PORTS 8

/* Ports whose tuples have one part of their hash in common; the one that has rested for longest gives way. */
struct resting_set {
	struct resting_port ports[RESTING_PORTS];
};

_Static_assert(sizeof(struct resting_set) == 64, "resting_set: one cache line");
