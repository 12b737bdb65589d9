/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * NAT source ports. The key of the reply's half is what reserves a port: it can
 * be inserted only once.
 */
#pragma once

#include "fib.h"
#include "flow_table.h"
#include "maps.h"
#include "types.h"
#include "pkt_ctx.h"

/* How many source ports are tried for a new flow before it is refused. */
#define SNAT_COLLISION_RETRIES 32

/*
 * How far apart these are: near the golden ratio of all ports, which spreads any number of them evenly; and a
 * prime, so that the walk comes by every port, however many there are.
 */
#define SNAT_PORT_STRIDE 40507

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

/* Has the local stack a connection, or for UDP any socket, that a reply to this tuple would reach? */
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

/* NAT's ports are those of its range that the local stack does not hand out by itself. */
static __always_inline bool snat_is_port(__u16 port)
{
	bool local = port >= settings.local_port_min && port <= settings.local_port_max;

	return port >= settings.nat_port_min && port <= settings.nat_port_max && !local;
}

/*
 * The candidate for a probe: the client's own port first, then a walk through
 * NAT's ports from a random start, in strides: clients take neighbouring ports,
 * so that behind a taken one there often is a whole run of them. The walk leaps
 * the local stack's ports, of which there may be more than probes.
 */
static __always_inline __u16 snat_candidate_port(__be16 client_port, __u32 random, __u32 probe)
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

	if (probe == 0)
		return bpf_ntohs(client_port);
	port = settings.nat_port_min + (random + probe * SNAT_PORT_STRIDE) % ports;
	return port < local_first ? port : port + local;
}

/* Where the half stands that holds a flow's NAT port. */
enum snat_reservation {
	SNAT_NOT_RESERVED,
	SNAT_RESERVED_HALF_OPEN,
	SNAT_RESERVED_ESTABLISHED,
};

/*
 * Inserts the reply's half, if no other holds its key. That is asked of `flows`
 * alone; `opening` answers as it takes the half. False also where one that was
 * in the latter has just been moved to the former.
 */
static __always_inline bool snat_insert_reply(const struct lb_tuple *reply_key,
					      const struct lb_flow *reply, __u64 generation_before)
{
	if (bpf_map_update_elem(&half_open, reply_key, reply, BPF_NOEXIST))
		return false;
	if (flow_generation() == generation_before || !bpf_map_lookup_elem(&flows, reply_key))
		return true;
	bpf_map_delete_elem(&half_open, reply_key);
	return false;
}

/* Takes the port of a flow that has ended but is still remembered for its last segments. */
static __always_inline enum snat_reservation
snat_take_over_port(struct lb_tuple *reply_key, const struct lb_flow *reply, __be16 port)
{
	struct lb_flow *ended;

	reply_key->dport = port;
	ended = flow_lookup(reply_key);
	if (ended)
		flow_remove(reply_key, ended);
	return bpf_map_update_elem(&half_open, reply_key, reply, BPF_NOEXIST) ?
		       SNAT_NOT_RESERVED :
		       SNAT_RESERVED_HALF_OPEN;
}

/*
 * Inserts the reply entry of the new flow, pctx->new_flow, under the first free
 * port, which it leaves in reply_key.dport. Returns where the entry is; not held
 * when no probe found a port. Ports of flows that have ended come last: their
 * peers may still remember them too.
 */
lb_global enum snat_reservation snat_reserve_port(struct lb_ctx *ctx)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	__u32 random = bpf_get_prandom_u32();
	struct lb_tuple *reply_key;
	const struct lb_flow *reply;
	__be16 ended = 0;

	if (!pctx)
		return SNAT_NOT_RESERVED;
	reply_key = &pctx->new_flow.reply_key;
	reply = &pctx->new_flow.flow;
	for (__u32 probe = 0; probe < SNAT_COLLISION_RETRIES; probe++) {
		__u16 port = snat_candidate_port(reply->rewritten.dport, random, probe);
		__u64 generation_before = flow_generation();
		struct lb_flow *holder;

		reply_key->dport = bpf_htons(port);
		/* Where a backend is its own client, its answers must not look like what it asked. */
		if (lb_tuple_is_reversed(reply_key, &reply->rewritten))
			continue;
		if (!snat_is_port(port) || snat_socket_exists(ctx, reply_key))
			continue;
		/* An LRU map makes room before it tells that a key is taken: only the first try may cost another's. */
		holder = probe ? flow_lookup(reply_key) : bpf_map_lookup_elem(&flows, reply_key);
		if (!holder && snat_insert_reply(reply_key, reply, generation_before))
			return SNAT_RESERVED_HALF_OPEN;
		holder = holder ?: flow_lookup(reply_key);
		/* What is left of this very flow: its peers know it by this port. */
		if (holder && !(holder->tcp_seen & LB_SEEN_END) &&
		    lb_tuple_equals(&holder->rewritten, &reply->rewritten))
			return bpf_map_lookup_elem(&flows, reply_key) ? SNAT_RESERVED_ESTABLISHED :
									SNAT_RESERVED_HALF_OPEN;
		if (holder && !ended && holder->tcp_seen & LB_SEEN_END)
			ended = reply_key->dport;
	}
	return ended ? snat_take_over_port(reply_key, reply, ended) : SNAT_NOT_RESERVED;
}

/* Older headers have neither, and are no less fit to compile what runs on a newer kernel. */
#define LB_FIB_LOOKUP_SKIP_NEIGH (1U << 2) /* Linux 6.3 */
#define LB_FIB_LOOKUP_SRC (1U << 4) /* Linux 6.7 */

/* Has the kernel's routing choose the source of what goes to `to->dst`. */
static __always_inline bool snat_address_by_fib(struct lb_ctx *ctx, struct lb_tuple *to)
{
	const __u32 flags = LB_FIB_LOOKUP_SKIP_NEIGH | LB_FIB_LOOKUP_SRC;
	struct bpf_fib_lookup params = { .ifindex = ctx_ingress(ctx) };

	fib_set_key(&params, to);
	if (bpf_fib_lookup(ctx, &params, sizeof(params), flags))
		return false;
	/* The family that is told is the gateway's. */
	if (!lb_address_is_v4(&to->dst)) {
		to->src = lb_address_v6((const struct in6_addr *)params.ipv6_src);
		return true;
	}
	to->src = lb_address_v4(params.ipv4_src);
	return params.ipv4_src;
}

/*
 * Sets the source of a new flow, now the address that the client asked, for
 * leaving by the interface of that index. False where the datapath does not
 * stand there, so that no answer would find it, or has no address to send from.
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
