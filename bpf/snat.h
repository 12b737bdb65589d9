/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * SNAT: the address and port that packets to a backend leave with. The key of
 * the reply entry reserves a port: a map takes a key only once.
 */
#pragma once

#include "address.h"
#include "ctx.h"
#include "fib.h"
#include "flow_table.h"
#include "maps.h"
#include "types.h"
#include "pkt_ctx.h"

/* How many source ports a new flow tries before it is refused. */
#define SNAT_COLLISION_RETRIES 32

/*
 * The distance between two candidates. It is near the golden ratio of all ports,
 * which spreads any number of candidates evenly. It is a prime, so that the
 * candidates reach every port of a range of any size.
 */
#define SNAT_PORT_STRIDE 40507

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

/* Returns true if SNAT may use the port: in its range, and outside the local stack's (ip_local_port_range). */
static __always_inline bool snat_is_port(__u16 port)
{
	bool local = port >= settings.local_port_min && port <= settings.local_port_max;

	return port >= settings.nat_port_min && port <= settings.nat_port_max && !local;
}

/*
 * Returns the candidate of a retry, in host order. Retry 0 is the client's own
 * port. The others step through SNAT's ports from a random start: neighbouring
 * ports are often taken together. The local stack's ports are left out.
 */
static __always_inline __u16 snat_candidate_port(__be16 client_port, __u32 random, __u32 retry)
{
	__u32 local_first = settings.local_port_min > settings.nat_port_min ?
				    settings.local_port_min :
				    settings.nat_port_min;
	__u32 local_last = settings.local_port_max < settings.nat_port_max ?
				   settings.local_port_max :
				   settings.nat_port_max;
	__u32 local = local_last >= local_first ? local_last - local_first + 1 : 0;
	__u32 ports = settings.nat_port_max - settings.nat_port_min + 1 - local;
	__u32 port;

	if (retry == 0)
		return bpf_ntohs(client_port);
	port = settings.nat_port_min + (random + retry * SNAT_PORT_STRIDE) % ports;
	return port < local_first ? port : port + local;
}

/* Which map holds the reply entry that reserves a flow's SNAT port. */
enum snat_reservation {
	SNAT_NOT_RESERVED,
	SNAT_RESERVED_HALF_OPEN,
	SNAT_RESERVED_ESTABLISHED,
};

/*
 * Inserts the reply entry into the map of new flows. Returns false if the key
 * exists there, or has moved to `flows` since generation_before was read. The
 * caller has looked the key up in `flows` after that.
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

/* Reserves the port of a flow that is over but still has its entries for late segments. */
static __always_inline enum snat_reservation
snat_take_over_port(struct lb_tuple *reply_key, const struct lb_flow *reply, __be16 port)
{
	struct lb_flow *ended;

	reply_key->dport = port;
	ended = flow_lookup(reply_key);
	if (ended)
		flow_remove(reply_key, ended);
	return flow_insert(flow_new_table(reply_key), reply_key, reply) ? SNAT_RESERVED_HALF_OPEN :
									  SNAT_NOT_RESERVED;
}

/*
 * Inserts the reply entry of pctx->new_flow under the first free port, and
 * leaves the port in reply_key.dport (network order). Returns which map holds
 * the entry, or SNAT_NOT_RESERVED if no candidate was free. A port of a flow that
 * is over comes last: the backend may still be in TIME_WAIT.
 */
lb_global enum snat_reservation snat_reserve_port(struct lb_ctx *ctx)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	/* 16 bits: the candidates must not wrap, or some would be tried twice. */
	__u32 random = bpf_get_prandom_u32() & 0xffff;
	struct lb_tuple *reply_key;
	const struct lb_flow *reply;
	__be16 ended = 0;

	if (!pctx)
		return SNAT_NOT_RESERVED;
	reply_key = &pctx->new_flow.reply_key;
	reply = &pctx->new_flow.flow;
	for (__u32 retry = 0; retry < SNAT_COLLISION_RETRIES; retry++) {
		__u16 port = snat_candidate_port(reply->rewritten.dport, random, retry);
		__u64 generation_before = flow_generation();
		struct lb_flow *holder;

		reply_key->dport = bpf_htons(port);
		/* A backend that is its own client: the reply tuple must differ from the request's. */
		if (lb_tuple_is_reversed(reply_key, &reply->rewritten))
			continue;
		if (!snat_is_port(port) || snat_socket_exists(ctx, reply_key))
			continue;
		/* An LRU map evicts before it reports that a key exists: only the first try may cost an entry. */
		holder = retry ? flow_lookup(reply_key) : bpf_map_lookup_elem(&flows, reply_key);
		if (!holder && snat_insert_reply(reply_key, reply, generation_before))
			return SNAT_RESERVED_HALF_OPEN;
		holder = holder ?: flow_lookup(reply_key);
		/* The reply entry of this very flow, whose forward entry was evicted. */
		if (holder && !(holder->tcp_seen & LB_SEEN_END) &&
		    lb_tuple_equals(&holder->rewritten, &reply->rewritten))
			return bpf_map_lookup_elem(&flows, reply_key) ? SNAT_RESERVED_ESTABLISHED :
									SNAT_RESERVED_HALF_OPEN;
		if (holder && !ended && holder->tcp_seen & LB_SEEN_END)
			ended = reply_key->dport;
	}
	return ended ? snat_take_over_port(reply_key, reply, ended) : SNAT_NOT_RESERVED;
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
