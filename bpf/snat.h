/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * SNAT: the address and port that packets to a backend leave with. The key of
 * the reply entry reserves a port: a map takes a key only once.
 */
#pragma once

#include "address.h"
#include "counters.h"
#include "ctx.h"
#include "fib.h"
#include "flow_table.h"
#include "maps.h"
#include "pkt_ctx.h"
#include "snat_hold.h"
#include "snat_rest.h"
#include "types.h"

/* How many source ports a new flow tries before it is refused. */
#define SNAT_COLLISION_RETRIES 32

/* After how many tries a new flow takes over a port of a flow that is over or unanswered. */
#define SNAT_TAKE_OVER_RETRIES 8

/*
 * The distance between two substitute ports. Modulo 2^16 it is near the golden
 * ratio of all ports: neighbouring ports are often taken together. It is a prime
 * above 2^16, so it has no common factor with the number of ports of any range: the
 * candidates reach every port.
 */
#define SNAT_PORT_STRIDE 106033

/*
 * Returns true if `tuple`, of a packet or of the packet that an ICMP error is
 * about, is the reply tuple of a flow that is over, and no longer means that flow:
 * its client has gone on with another flow, or the local stack has chosen the
 * flow's port for a connection. The local stack cannot be asked for each packet,
 * so its connection fails while a flow with its tuple is live
 * (docs/decisions/0002).
 */
static __always_inline bool snat_is_stale_reply(struct lb_ctx *ctx, const struct lb_tuple *tuple,
						const struct lb_flow *flow)
{
	return flow_rests(flow) && (!flow_pair(tuple, flow) || snat_socket_exists(ctx, tuple));
}

/* Returns the next substitute port of a backend, in host order: the one that it has not had for longest. */
static __always_inline __u16 snat_next_substitute(__u32 backend)
{
	__u32 ports = settings.substitute_port_max - settings.substitute_port_min + 1;
	__u64 *cursor = bpf_map_lookup_elem(&snat_cursors, &backend);

	if (!cursor)
		return 0;
	/* The first start is random: backends may remember ports from before the balancer's start. */
	if (!*cursor)
		*cursor = 1 + (bpf_get_prandom_u32() & 0xffff);
	return settings.substitute_port_min +
	       __sync_fetch_and_add(cursor, 1) * SNAT_PORT_STRIDE % ports;
}

/* Returns the candidate of a retry, in host order: the client's own port, then substitutes. */
static __always_inline __u16 snat_candidate_port(const struct lb_flow *reply, __u32 retry)
{
	return retry ? snat_next_substitute(reply->backend) : bpf_ntohs(reply->rewritten.dport);
}

/* Which map holds the reply entry that reserves a flow's SNAT port. */
enum snat_reservation {
	SNAT_NOT_RESERVED,
	SNAT_RESERVED_HALF_OPEN,
	SNAT_RESERVED_ESTABLISHED,
};

/*
 * Tries one candidate for snat_reserve_port(), and keeps it in pctx->victim if it
 * may be taken over. It is a function of its own so that the verifier follows it
 * once, not once per retry.
 */
lb_global enum snat_reservation snat_try_candidate(struct lb_ctx *ctx, __u32 retry)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	struct lb_flow *holder, *established = NULL;
	__u64 generation_before = flow_generation();
	struct lb_tuple *reply_key;
	const struct lb_flow *reply;
	enum snat_hold hold;
	__u32 rested;
	__u16 port;

	if (!pctx)
		return SNAT_NOT_RESERVED;
	reply_key = &pctx->new_flow.reply_key;
	reply = &pctx->new_flow.flow;
	port = snat_candidate_port(reply, retry);
	if (port < settings.nat_port_min || port > settings.nat_port_max)
		return SNAT_NOT_RESERVED;
	reply_key->dport = bpf_htons(port);
	/* A backend that is its own client: the reply tuple must differ from the request's. */
	if (lb_tuple_is_reversed(reply_key, &reply->rewritten))
		return SNAT_NOT_RESERVED;
	if (reply_key->protocol == IPPROTO_UDP)
		holder = flow_lookup_udp(reply_key);
	else
		holder = established = bpf_map_lookup_elem(&flows, reply_key);
	rested = holder || reply_key->protocol == IPPROTO_UDP ?
			 0 :
			 snat_rest_of(reply_key, hash_address(&reply->rewritten.dst));
	/* An LRU map evicts before it reports that a key exists: only the first try may cost an entry. */
	if (!holder && (retry || rested) && reply_key->protocol != IPPROTO_UDP)
		holder = bpf_map_lookup_elem(&half_open, reply_key);
	if (!holder && rested) {
		snat_consider(&pctx->victim, SNAT_NO_HOLDER, reply->seen - rested, SNAT_HOLD_ENDED,
			      reply_key->dport);
		return SNAT_NOT_RESERVED;
	}
	if (!holder) {
		if (snat_socket_exists(ctx, reply_key))
			return SNAT_NOT_RESERVED;
		if (snat_insert_reply(reply_key, reply, generation_before))
			return SNAT_RESERVED_HALF_OPEN;
		holder = flow_lookup(reply_key);
		if (!holder)
			return SNAT_NOT_RESERVED;
	}
	if (snat_has_rested(holder, reply))
		return snat_take_over_port(ctx, reply_key, reply, holder->opened_ns) ?
			       SNAT_RESERVED_HALF_OPEN :
			       SNAT_NOT_RESERVED;
	/* The reply entry of this very flow, whose forward entry was evicted. */
	if (!(holder->tcp_seen & LB_SEEN_END) &&
	    lb_tuple_equals(&holder->rewritten, &reply->rewritten))
		return established ? SNAT_RESERVED_ESTABLISHED : SNAT_RESERVED_HALF_OPEN;
	hold = snat_hold_of(reply_key, holder, reply, established);
	if (hold != SNAT_HOLD_LIVE)
		snat_consider(&pctx->victim, holder->opened_ns, holder->seen, hold,
			      reply_key->dport);
	return SNAT_NOT_RESERVED;
}

/*
 * Inserts the reply entry of pctx->new_flow under the first port that it may
 * have, and leaves the port in reply_key.dport (network order). Returns which map
 * holds the entry, or SNAT_NOT_RESERVED if local sockets and live flows have all
 * candidates. In order of preference:
 *  1. the client's own port, else a substitute: free, or with enough rest
 *  2. that of another client's flow that is over
 *  3. that of a half-open TCP flow, or of a UDP flow whose answer is no longer
 *     expected, the oldest one
 *  4. if none of all candidates is one of those, that of an answered UDP flow that
 *     is silent, the one without an answer for longest
 */
lb_global enum snat_reservation snat_reserve_port(struct lb_ctx *ctx)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	enum snat_reservation reserved;
	struct lb_tuple *reply_key;

	if (!pctx)
		return SNAT_NOT_RESERVED;
	reply_key = &pctx->new_flow.reply_key;
	pctx->victim.port = 0;
	for (__u32 retry = 0; retry < SNAT_COLLISION_RETRIES; retry++) {
		if (retry >= SNAT_TAKE_OVER_RETRIES && pctx->victim.port &&
		    pctx->victim.hold != SNAT_HOLD_SILENT)
			break;
		reserved = snat_try_candidate(ctx, retry);
		if (reserved)
			return reserved;
	}
	if (!pctx->victim.port)
		return SNAT_NOT_RESERVED;
	reply_key->dport = pctx->victim.port;
	if (!snat_take_over_port(ctx, reply_key, &pctx->new_flow.flow, pctx->victim.opened_ns))
		return SNAT_NOT_RESERVED;
	snat_count_take_over(reply_key, pctx->victim.hold);
	return SNAT_RESERVED_HALF_OPEN;
}

/* Flags that older kernel headers do not define. */
#define LB_FIB_LOOKUP_SKIP_NEIGH (1U << 2) /* Linux 6.3 */
#define LB_FIB_LOOKUP_SRC (1U << 4) /* Linux 6.7 */

/* Sets to->src to the source address that the kernel's routing selects for to->dst. Returns false if there is none. */
static __always_inline bool snat_address_by_fib(struct lb_ctx *ctx, struct lb_tuple *to)
{
	const __u32 flags = LB_FIB_LOOKUP_SKIP_NEIGH | LB_FIB_LOOKUP_SRC;
	struct bpf_fib_lookup params = { .ifindex = ctx_ingress(ctx) };

	fib_set_key(&params, to);
	if (bpf_fib_lookup(ctx, &params, sizeof(params), flags))
		return false;
	/* params.family is the gateway's now. */
	if (!lb_address_is_v4(&to->dst)) {
		to->src = lb_address_v6((const struct in6_addr *)params.ipv6_src);
		return true;
	}
	to->src = lb_address_v4(params.ipv4_src);
	return params.ipv4_src;
}

/*
 * Selects the source address of a new flow: to->src. On entry it is the service's
 * address, or its nat_address if `source` (enum lb_nat_source) says so.
 *
 * LB_NAT_SOURCE_SERVICE: it stays if the packet leaves by the interface that it came
 * by. Otherwise it becomes an address of the interface `ifindex`, so that two
 * networks without routes to each other can be joined.
 * LB_NAT_SOURCE_INTERFACE: it becomes an address of `ifindex` in any case.
 * LB_NAT_SOURCE_ADDRESS: it stays.
 *
 * Returns false if the packet leaves by another interface to which the datapath is not
 * attached (no reply would reach it), or if to->src is to change and there is no address.
 */
lb_global bool snat_select_address(struct lb_ctx *ctx, __u32 ifindex, __u32 source,
				   struct lb_tuple *to)
{
	struct lb_link *link;

	if (!to)
		return false;
	if (ifindex == ctx_ingress(ctx) && source != LB_NAT_SOURCE_INTERFACE)
		return true;
	link = bpf_map_lookup_elem(&links, &ifindex);
	if (!link)
		return false;
	if (source == LB_NAT_SOURCE_ADDRESS)
		return true;
	if (settings.fib_lookup_src)
		return snat_address_by_fib(ctx, to);
	to->src = lb_address_is_v4(&to->dst) ? link->ip4 : link->ip6;
	return !lb_address_is_zero(&to->src);
}
