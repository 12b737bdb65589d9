/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * NAT source ports. The key of the reply's half is what reserves a port: it can
 * be inserted only once.
 */
#pragma once

#include "flowtable.h"
#include "maps.h"
#include "types.h"
#include "walk.h"

/* How many source ports are tried for a new flow before it is refused. */
#define LB_PORT_PROBES 32

/*
 * How far apart these are: near the golden ratio of all ports, which spreads any number of them evenly; and a
 * prime, so that the walk comes by every port, however many there are.
 */
#define LB_PORT_STRIDE 40507

static __always_inline __u32 lb_socket_question(struct bpf_sock_tuple *tuple,
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
static __always_inline bool lb_socket_has(struct lb_ctx *ctx, const struct lb_tuple *reply)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = lb_socket_question(&tuple, reply);
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
static __always_inline bool lb_port_is_nat(__u16 port)
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
static __always_inline __u16 lb_port_candidate(__be16 client_port, __u32 random, __u32 probe)
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
	port = settings.nat_port_min + (random + probe * LB_PORT_STRIDE) % ports;
	return port < local_first ? port : port + local;
}

/* Where the half stands that holds a flow's NAT port. */
enum port_hold {
	PORT_NOT_HELD,
	PORT_HELD_IN_OPENING,
	PORT_HELD_IN_FLOWS,
};

/*
 * Inserts the reply's half, if no other holds its key. That is asked of `flows`
 * alone; `opening` answers as it takes the half. False also where one that was
 * in the latter has just been moved to the former.
 */
static __always_inline bool lb_hold_port(const struct lb_tuple *reply_key,
					 const struct lb_flow *reply, __u64 moves)
{
	if (bpf_map_update_elem(&opening, reply_key, reply, BPF_NOEXIST))
		return false;
	if (flow_moves() == moves || !bpf_map_lookup_elem(&flows, reply_key))
		return true;
	bpf_map_delete_elem(&opening, reply_key);
	return false;
}

/* Takes the port of a flow that has ended but is still remembered for its last segments. */
static __always_inline enum port_hold lb_take_over_port(struct lb_tuple *reply_key,
							const struct lb_flow *reply, __be16 port)
{
	struct lb_flow *ended;

	reply_key->dport = port;
	ended = flow_lookup(reply_key);
	if (ended)
		flow_remove(reply_key, ended);
	return bpf_map_update_elem(&opening, reply_key, reply, BPF_NOEXIST) ? PORT_NOT_HELD :
									      PORT_HELD_IN_OPENING;
}

/*
 * Inserts the reply entry of the new flow, walk->fresh, under the first free
 * port, which it leaves in reply_key.dport. Returns where the entry is; not held
 * when no probe found a port. Ports of flows that have ended come last: their
 * peers may still remember them too.
 */
lb_global enum port_hold lb_reserve_port(struct lb_ctx *ctx)
{
	struct walk *walk = walk_get();
	__u32 random = bpf_get_prandom_u32();
	struct lb_tuple *reply_key;
	const struct lb_flow *reply;
	__be16 ended = 0;

	if (!walk)
		return PORT_NOT_HELD;
	reply_key = &walk->fresh.reply_key;
	reply = &walk->fresh.flow;
	for (__u32 probe = 0; probe < LB_PORT_PROBES; probe++) {
		__u16 port = lb_port_candidate(reply->rewritten.dport, random, probe);
		__u64 moves = flow_moves();
		struct lb_flow *holder;

		reply_key->dport = bpf_htons(port);
		/* Where a backend is its own client, its answers must not look like what it asked. */
		if (lb_tuple_is_reversed(reply_key, &reply->rewritten))
			continue;
		if (!lb_port_is_nat(port) || lb_socket_has(ctx, reply_key))
			continue;
		/* An LRU map makes room before it tells that a key is taken: only the first try may cost another's. */
		holder = probe ? flow_lookup(reply_key) : bpf_map_lookup_elem(&flows, reply_key);
		if (!holder && lb_hold_port(reply_key, reply, moves))
			return PORT_HELD_IN_OPENING;
		holder = holder ?: flow_lookup(reply_key);
		/* What is left of this very flow: its peers know it by this port. */
		if (holder && !(holder->tcp_seen & LB_SEEN_END) &&
		    lb_tuple_equals(&holder->rewritten, &reply->rewritten))
			return bpf_map_lookup_elem(&flows, reply_key) ? PORT_HELD_IN_FLOWS :
									PORT_HELD_IN_OPENING;
		if (holder && !ended && holder->tcp_seen & LB_SEEN_END)
			ended = reply_key->dport;
	}
	return ended ? lb_take_over_port(reply_key, reply, ended) : PORT_NOT_HELD;
}
