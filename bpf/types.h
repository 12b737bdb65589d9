/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The datapath's own types: what a packet is, and where it goes next. Those named lb_ are shared with user space. */
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

#define L3_OFFSET ETH_HLEN

/* Beyond the longest chain of headers that is read: says to the verifier that no offset leaves the packet far behind. */
#define LB_OFFSET_MASK 0x3fff

/* <sys/socket.h> has these, and does not compile for eBPF. */
#define LB_AF_INET 2
#define LB_AF_INET6 10

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

/*
 * A function that the verifier checks once and by itself, not once for each way
 * that leads to it, and whose stack is its own. Pointers to it may be null, for
 * all the verifier knows.
 */
#define lb_global __noinline

/* BPF_DEBUG=1 builds write to the kernel's trace pipe; others compile to nothing. */
#ifdef LB_DEBUG
#define lb_debug(...) bpf_printk("ebpf-lb: " __VA_ARGS__)
#else
#define lb_debug(...) ((void)0)
#endif

/*
 * Loads a packet pointer from the context. The verifier knows the 32-bit field
 * as a 64-bit pointer, clang does not: told nothing, it would zero-extend or
 * remember the value across helpers that move the packet.
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
	FRAGMENT_LATER, /* has not: the tuple's are zero until its first fragment's are known */
};

/* What the walk needs to know of a packet that may be ours. */
struct packet {
	struct lb_tuple tuple;
	__u32 l3_offset; /* of the IP header, in the frame */
	__u32 l4_offset; /* of the TCP, UDP or ICMP header, in the frame */
	__u32 l3_length; /* of the IP packet, without any trailer of the frame */
	__u32 l4_length;
	__be32 fragment_id;
	__be32 tcp_seq;
	__be32 tcp_ack;
	enum fragment fragment;
	__u16 l4_checksum; /* as it stands in the packet; TCP's and UDP's only */
	__u8 l4_header_length; /* 0 for ICMP */
	__u8 ttl;
	__u8 tcp_flags; /* 0 for UDP */
	bool unfinished; /* XDP's: the checksum looks as if hardware were to finish it */
};

/* A flow that is being opened: one half at a time. */
struct new_flow {
	struct lb_flow flow;
	struct lb_tuple reply_key;
	struct lb_tuple fib_key; /* what the kernel was asked the way of */
};

/* What a rewrite does to a packet, and to the sums over it. */
struct change {
	const struct lb_tuple *to;
	__u32 addresses; /* what the new addresses add to a sum */
	__u32 body; /* what changes behind the IP header, the L4 checksum left out, adds to one */
};

/* The next hop, as the kernel's routes and neighbours have it. */
struct fib_result {
	struct lb_nexthop nexthop; /* its Ethernet addresses are set where `resolved` says so */
	__u32 mtu; /* the largest IP packet, in bytes, that is known to fit */
	struct lb_address gateway; /* the destination itself where it is on the link */
	bool routed; /* the gateway is set; else the kernel is to route by itself */
	bool resolved;
	bool fib_done; /* of the kernel, about this very packet as it is going to leave */
};

/* Both addresses in one go: they stand in a way as in a frame. */
static __always_inline void nexthop_write(struct ethhdr *eth, const struct lb_nexthop *nexthop)
{
	const __u32 *from = (const __u32 *)nexthop;
	__u32 *to = (__u32 *)eth;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

static __always_inline struct lb_address lb_address_v4(__be32 address)
{
	struct lb_address mapped = { .word = { 0, 0, bpf_htonl(0xffff), address } };

	return mapped;
}

static __always_inline struct lb_address lb_address_v6(const struct in6_addr *address)
{
	struct lb_address result;

	__builtin_memcpy(&result, address, sizeof(result));
	return result;
}

static __always_inline __be32 lb_address_to_v4(const struct lb_address *address)
{
	return address->word[3];
}

static __always_inline bool lb_address_is_v4(const struct lb_address *address)
{
	return address->word[0] == 0 && address->word[1] == 0 &&
	       address->word[2] == bpf_htonl(0xffff);
}

static __always_inline bool lb_address_is_zero(const struct lb_address *address)
{
	return !(address->word[0] | address->word[1] | address->word[2] | address->word[3]);
}

static __always_inline struct lb_tuple lb_tuple_reversed(const struct lb_tuple *tuple)
{
	struct lb_tuple reversed = {
		.src = tuple->dst,
		.dst = tuple->src,
		.sport = tuple->dport,
		.dport = tuple->sport,
		.protocol = tuple->protocol,
	};

	return reversed;
}

static __always_inline bool lb_address_equals(const struct lb_address *a,
					      const struct lb_address *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

static __always_inline bool lb_tuple_equals(const struct lb_tuple *a, const struct lb_tuple *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && x[4] == y[4];
}

/* Is the one what the other is to its answers? */
static __always_inline bool lb_tuple_is_reversed(const struct lb_tuple *a, const struct lb_tuple *b)
{
	return lb_address_equals(&a->src, &b->dst) && lb_address_equals(&a->dst, &b->src) &&
	       a->sport == b->dport && a->dport == b->sport && a->protocol == b->protocol;
}

/* May this packet open a flow? */
static __always_inline bool pkt_opens_flow(const struct packet *pkt)
{
	const __u8 decisive = TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN;

	if (pkt->fragment == FRAGMENT_LATER)
		return false;
	return pkt->tuple.protocol == IPPROTO_UDP || (pkt->tcp_flags & decisive) == TCP_FLAG_SYN;
}

/* Is it ICMP of the family that carries it? */
static __always_inline bool pkt_is_icmp(const struct packet *pkt)
{
	return pkt->tuple.protocol ==
	       (lb_address_is_v4(&pkt->tuple.dst) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

#define ICMP_CHECKSUM_OFFSET 2

/* Where the transport header keeps its checksum, from the frame's start. */
static __always_inline __u32 pkt_l4_csum_offset(const struct packet *pkt)
{
	switch (pkt->tuple.protocol) {
	case IPPROTO_TCP:
		return pkt->l4_offset + offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
		return pkt->l4_offset + offsetof(struct udphdr, check);
	default:
		return pkt->l4_offset + ICMP_CHECKSUM_OFFSET;
	}
}

/* RFC 768: a UDP sender that computed no checksum writes zero, and so must we. */
static __always_inline bool pkt_has_l4_csum(const struct packet *pkt)
{
	if (pkt->fragment == FRAGMENT_LATER)
		return false;
	return pkt->tuple.protocol != IPPROTO_UDP || pkt->l4_checksum != 0;
}
