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
#include "types.h"
#include "pkt_ctx.h"

/* How many source ports a new flow tries before it is refused. */
#define SNAT_COLLISION_RETRIES 32

/* After how many tries a new flow takes over a port of a flow that is over or unanswered. */
#define SNAT_TAKE_OVER_RETRIES 8

/*
 * How long a port rests after its flow's end, as lb_flow.seen. That is as long as
 * TIME_WAIT lasts on Linux: a backend in TIME_WAIT refuses a SYN with an older
 * timestamp (RFC 7323, 5: PAWS), and those of two clients do not compare.
 */
#define SNAT_REST ((__s32)(60 * NS_PER_SECOND >> LB_SEEN_SHIFT) + 1)

/* After how long without a packet an answered UDP flow is silent, as lb_flow.seen. */
#define SNAT_UDP_IDLE ((__s32)(NS_PER_SECOND >> LB_SEEN_SHIFT))

/*
 * The distance between two substitute ports. Modulo 2^16 it is near the golden
 * ratio of all ports: neighbouring ports are often taken together. It is a prime
 * above 2^16, so it has no common factor with the number of ports of any range: the
 * candidates reach every port.
 */
#define SNAT_PORT_STRIDE 106033

/* Fills the key of a socket look-up; returns its size. */
static __always_inline __u32 snat_socket_tuple(struct bpf_sock_tuple *tuple,
					       const struct lb_tuple *reply)
{
	if (lb_address_is_v4(&reply->src)) {
		tuple->ipv4.saddr = lb_address_to_v4(&reply->src);
		tuple->ipv4.daddr = lb_address_to_v4(&reply->dst);
		tuple->ipv4.sport = reply->sport;
		tuple->ipv4.dport = reply->dport;
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, &reply->src, sizeof(tuple->ipv6.saddr));
	__builtin_memcpy(tuple->ipv6.daddr, &reply->dst, sizeof(tuple->ipv6.daddr));
	tuple->ipv6.sport = reply->sport;
	tuple->ipv6.dport = reply->dport;
	return sizeof(tuple->ipv6);
}

/*
 * Returns true if a local socket would get the replies with that key: a TCP
 * connection, or any UDP socket of the port.
 */
static __always_inline bool snat_socket_exists(struct lb_ctx *ctx, const struct lb_tuple *reply)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = snat_socket_tuple(&tuple, reply);
	struct bpf_sock *socket;
	bool listens;

	if (reply->protocol == IPPROTO_UDP) {
		socket = bpf_sk_lookup_udp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
		if (socket)
			bpf_sk_release(socket);
		return socket;
	}
	socket = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return false;
	listens = socket->state == BPF_TCP_LISTEN;
	bpf_sk_release(socket);
	return !listens;
}

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

/* No generation of the flow tables. */
#define SNAT_NO_GENERATION (~0ULL)

/*
 * Inserts the reply entry into the map of new flows. Returns false if the key
 * exists there, or has moved to `flows` since generation_before was read. The
 * caller has looked the key up in `flows` after that. With SNAT_NO_GENERATION
 * `flows` is looked up in any case.
 */
static __always_inline bool snat_insert_reply(const struct lb_tuple *reply_key,
					      const struct lb_flow *reply, __u64 generation_before)
{
	if (!flow_insert(flow_new_table(reply_key), reply_key, reply))
		return false;
	if (reply_key->protocol == IPPROTO_UDP)
		return true;
	if (flow_generation() == generation_before || !bpf_map_lookup_elem(&flows, reply_key))
		return true;
	flow_erase(LB_TABLE_HALF_OPEN, reply_key);
	return false;
}

/* Returns true if a new flow may have the port of the holder, a flow that is over. */
static __always_inline bool snat_has_rested(const struct lb_flow *holder,
					    const struct lb_flow *reply)
{
	if (!(holder->tcp_seen & LB_SEEN_END))
		return false;
	/* One client's timestamps grow from connection to connection: its ports need no rest. */
	return lb_address_equals(&holder->rewritten.dst, &reply->rewritten.dst) ||
	       (__s32)(reply->seen - holder->seen) >= SNAT_REST;
}

/*
 * Returns true if neither endpoint of an answered UDP flow has sent in the last
 * second. A client that sends keeps its port, also without answers.
 */
static __noinline bool snat_is_silent(const struct lb_flow *holder, __u32 now)
{
	struct lb_tuple client = lb_tuple_reversed(&holder->rewritten);
	const struct lb_flow *forward = flow_lookup_udp(&client);

	return (__s32)(now - holder->seen) > SNAT_UDP_IDLE &&
	       (!forward || (__s32)(now - forward->seen) > SNAT_UDP_IDLE);
}

/* Returns how the holder's reply entry, which is in `flows` if it is established, holds its port. */
static __always_inline enum snat_hold snat_hold_of(const struct lb_flow *holder,
						   const struct lb_flow *reply, bool established)
{
	if (holder->rewritten.protocol == IPPROTO_UDP) {
		if (!holder->packets)
			return SNAT_HOLD_UNANSWERED;
		return snat_is_silent(holder, reply->seen) ? SNAT_HOLD_SILENT : SNAT_HOLD_LIVE;
	}
	if (holder->tcp_seen & LB_SEEN_END)
		return SNAT_HOLD_ENDED;
	return established ? SNAT_HOLD_LIVE : SNAT_HOLD_UNANSWERED;
}

/* Keeps the better port to take over: by enum snat_hold, then the one without an answer for longest. */
static __always_inline void snat_consider(struct snat_victim *victim, const struct lb_flow *holder,
					  enum snat_hold hold, __be16 port)
{
	if (victim->port && (hold != victim->hold ? hold > victim->hold :
						    (__s32)(holder->seen - victim->seen) >= 0))
		return;
	victim->opened_ns = holder->opened_ns;
	victim->seen = holder->seen;
	victim->hold = hold;
	victim->port = port;
}

/*
 * Claims the reply entry of the flow that opened at that time; `client` is the key
 * of its forward entry. Returns false if another CPU has claimed it. An entry that
 * was removed is reused at once: the flow is compared after the claim too, and the
 * claim of another flow's entry is undone.
 */
static __always_inline bool snat_claim(struct lb_flow *holder, const struct lb_tuple *client,
				       __u64 opened_ns)
{
	if (__sync_fetch_and_or(&holder->tcp_seen, LB_SEEN_CLAIMED) & LB_SEEN_CLAIMED)
		return false;
	if (*(volatile __u64 *)&holder->opened_ns == opened_ns &&
	    lb_tuple_is_reversed(&holder->rewritten, client))
		return true;
	__sync_fetch_and_and(&holder->tcp_seen, ~LB_SEEN_CLAIMED);
	return false;
}

/*
 * Removes the entries of the flow that holds a port and is not live. Returns false
 * if the port has gone to another flow since, or if flow_establish() moves the flow
 * meanwhile. CPUs claim the flow by a bit of its reply entry, and the first one has
 * it. This looks into `flows` after the claim, and flow_establish() looks for the
 * claim after its insertion into `flows`: at least one of the two draws back.
 */
static __noinline bool snat_evict(const struct lb_tuple *reply_key, __u64 opened_ns)
{
	struct lb_flow *established = NULL, *holder;
	struct lb_tuple client;
	enum lb_flow_table table;
	struct lb_flow *forward;

	if (reply_key->protocol == IPPROTO_UDP) {
		holder = flow_lookup_udp(reply_key);
	} else {
		established = bpf_map_lookup_elem(&flows, reply_key);
		holder = established ?: bpf_map_lookup_elem(&half_open, reply_key);
	}
	table = established ? LB_TABLE_ESTABLISHED : flow_new_table(reply_key);
	if (!holder || holder->opened_ns != opened_ns ||
	    (established && !(holder->tcp_seen & LB_SEEN_END)))
		return false;
	client = lb_tuple_reversed(&holder->rewritten);
	if (!snat_claim(holder, &client, opened_ns))
		return false;
	if (table == LB_TABLE_HALF_OPEN && bpf_map_lookup_elem(&flows, reply_key)) {
		__sync_fetch_and_and(&holder->tcp_seen, ~LB_SEEN_CLAIMED);
		return false;
	}
	forward = flow_lookup(&client);
	if (forward && lb_tuple_is_reversed(&forward->rewritten, reply_key)) {
		if (!(__sync_fetch_and_or(&forward->tcp_seen, LB_SEEN_END) & LB_SEEN_END))
			count_active_flow(forward->backend, -1);
		flow_erase(table, &client);
	}
	return flow_erase(table, reply_key);
}

/* Reserves the port of reply_key, which a flow that opened at that time holds. Returns false if it cannot. */
static __noinline bool snat_take_over_port(struct lb_ctx *ctx, struct lb_tuple *reply_key,
					   const struct lb_flow *reply, __u64 opened_ns)
{
	return !snat_socket_exists(ctx, reply_key) && snat_evict(reply_key, opened_ns) &&
	       snat_insert_reply(reply_key, reply, SNAT_NO_GENERATION);
}

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
	/* An LRU map evicts before it reports that a key exists: only the first try may cost an entry. */
	if (!holder && retry && reply_key->protocol != IPPROTO_UDP)
		holder = bpf_map_lookup_elem(&half_open, reply_key);
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
	hold = snat_hold_of(holder, reply, established);
	if (hold != SNAT_HOLD_LIVE)
		snat_consider(&pctx->victim, holder, hold, reply_key->dport);
	return SNAT_NOT_RESERVED;
}

/*
 * Inserts the reply entry of pctx->new_flow under the first port that it may
 * have, and leaves the port in reply_key.dport (network order). Returns which map
 * holds the entry, or SNAT_NOT_RESERVED if local sockets and live flows have all
 * candidates. In order of preference:
 *  1. the client's own port, else a substitute: free, or with enough rest
 *  2. that of another client's flow that is over
 *  3. that of a half-open TCP or an unanswered UDP flow, the oldest one
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
	return snat_take_over_port(ctx, reply_key, &pctx->new_flow.flow, pctx->victim.opened_ns) ?
		       SNAT_RESERVED_HALF_OPEN :
		       SNAT_NOT_RESERVED;
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
 * Selects the source address of a new flow: to->src, which is the service's
 * address on entry. It stays if the packet leaves by the interface that it came
 * by. Otherwise it becomes an address of the interface `ifindex`, so that two
 * networks without routes to each other can be joined.
 *
 * Returns false if the datapath is not attached to that interface (no reply
 * would reach it), or has no address there.
 */
lb_global bool snat_select_address(struct lb_ctx *ctx, __u32 ifindex, struct lb_tuple *to)
{
	struct lb_link *link;

	if (!to)
		return false;
	if (ifindex == ctx_ingress(ctx))
		return true;
	link = bpf_map_lookup_elem(&links, &ifindex);
	if (!link)
		return false;
	if (settings.fib_lookup_src)
		return snat_address_by_fib(ctx, to);
	to->src = lb_address_is_v4(&to->dst) ? link->ip4 : link->ip6;
	return !lb_address_is_zero(&to->src);
}
