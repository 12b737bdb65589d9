/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * How flows and local sockets hold SNAT ports, and how a new flow takes a port over
 * from a flow that is not live.
 */
#pragma once

#include "address.h"
#include "counters.h"
#include "ctx.h"
#include "flow_table.h"
#include "maps.h"
#include "types.h"

/*
 * How long a port rests after its flow's end, as lb_flow.seen. Here it matters if
 * the flow's entries are kept for as long (the timeout `ended`); see snat_rest.h.
 */
#define SNAT_REST ((__s32)(60 * NS_PER_SECOND >> LB_SEEN_SHIFT) + 1)

/*
 * How long the answer to a datagram may take, as lb_flow.seen: until then the port
 * goes to nobody else, who would get the answer. As long as the kernel's own NAT
 * waits for one (nf_conntrack_udp_timeout).
 */
#define SNAT_UDP_REST ((__s32)(30 * NS_PER_SECOND >> LB_SEEN_SHIFT) + 1)

/* After how long without a packet an answered UDP flow is silent, as lb_flow.seen. */
#define SNAT_UDP_IDLE ((__s32)(NS_PER_SECOND >> LB_SEEN_SHIFT))

/* The opening of a flow takes no longer. After that a reply entry alone is what an eviction left. */
#define SNAT_OPENING_NS ((__s64)NS_PER_SECOND / 10)

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
 * Returns how a UDP flow, whose reply entry is the holder, holds its port; the client's
 * last datagram counts until it is answered. A client that sends keeps its port, also
 * without answers.
 */
static __noinline enum snat_hold snat_hold_of_udp(const struct lb_tuple *reply_key,
						  const struct lb_flow *holder, __u32 now)
{
	struct lb_tuple client = lb_tuple_reversed(&holder->rewritten);
	const struct lb_flow *forward = flow_lookup_udp(&client);
	__u32 asked = holder->seen;

	/* After an eviction the client may have another flow: its datagrams are not for this port. */
	if (forward && lb_tuple_is_reversed(&forward->rewritten, reply_key))
		asked = forward->seen;
	if (!holder->packets || (__s32)(asked - holder->seen) > 0)
		return (__s32)(now - asked) >= SNAT_UDP_REST ? SNAT_HOLD_UNANSWERED :
							       SNAT_HOLD_LIVE;
	return (__s32)(now - holder->seen) > SNAT_UDP_IDLE ? SNAT_HOLD_SILENT : SNAT_HOLD_LIVE;
}

/* Returns how the holder's reply entry, which is in `flows` if it is established, holds its port. */
static __always_inline enum snat_hold snat_hold_of(const struct lb_tuple *reply_key,
						   const struct lb_flow *holder,
						   const struct lb_flow *reply, bool established)
{
	if (holder->rewritten.protocol == IPPROTO_UDP)
		return snat_hold_of_udp(reply_key, holder, reply->seen);
	if (holder->tcp_seen & LB_SEEN_END)
		return SNAT_HOLD_ENDED;
	return established ? SNAT_HOLD_LIVE : SNAT_HOLD_UNANSWERED;
}

/* Keeps the better port to take over: by enum snat_hold, then the one without an answer for longest. */
static __always_inline void snat_consider(struct snat_victim *victim, __u64 opened_ns, __u32 seen,
					  enum snat_hold hold, __be16 port)
{
	if (victim->port &&
	    (hold != victim->hold ? hold > victim->hold : (__s32)(seen - victim->seen) >= 0))
		return;
	victim->opened_ns = opened_ns;
	victim->seen = seen;
	victim->hold = hold;
	victim->port = port;
}

/* Undoes snat_claim(). */
static __always_inline void snat_unclaim(struct lb_flow *holder)
{
	__sync_fetch_and_and(&holder->tcp_seen, ~LB_SEEN_CLAIMED);
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
	snat_unclaim(holder);
	return false;
}

/* Returns true if another CPU may be opening the flow of a reply entry without a forward entry, which is inserted last. */
static __always_inline bool snat_is_opening(const struct lb_flow *holder)
{
	return !(holder->tcp_seen & LB_SEEN_END) &&
	       (__s64)(bpf_ktime_get_ns() - holder->opened_ns) < SNAT_OPENING_NS;
}

/*
 * Removes the entries of the flow that holds a port and is not live. Returns false
 * if the port has gone to another flow since, or if another CPU opens the flow or
 * moves it (flow_establish()) meanwhile. CPUs claim the flow by a bit of its reply
 * entry, and the first one has it. This looks into `flows` after the claim, and
 * flow_establish() looks for the claim after its insertion into `flows`: at least one
 * of the two draws back.
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
		snat_unclaim(holder);
		return false;
	}
	forward = flow_lookup(&client);
	if (forward && lb_tuple_is_reversed(&forward->rewritten, reply_key)) {
		if (!(__sync_fetch_and_or(&forward->tcp_seen, LB_SEEN_END) & LB_SEEN_END))
			count_active_flow(forward->backend, -1);
		flow_erase(table, &client);
	} else if (snat_is_opening(holder)) {
		snat_unclaim(holder);
		return false;
	}
	return flow_erase(table, reply_key);
}

/* In place of the time at which a flow opened: its port rests, and its entries are gone. */
#define SNAT_NO_HOLDER 0

/*
 * Reserves the port of reply_key, which a flow that opened at that time holds, or
 * which rests (SNAT_NO_HOLDER). Returns false if it cannot.
 */
static __noinline bool snat_take_over_port(struct lb_ctx *ctx, struct lb_tuple *reply_key,
					   const struct lb_flow *reply, __u64 opened_ns)
{
	return !snat_socket_exists(ctx, reply_key) &&
	       (opened_ns == SNAT_NO_HOLDER || snat_evict(reply_key, opened_ns)) &&
	       snat_insert_reply(reply_key, reply, SNAT_NO_GENERATION);
}

/* Counts a port that a new flow took over, under the table of the flow that had it; of one that is over: `flows`. */
static __always_inline void snat_count_take_over(const struct lb_tuple *reply_key,
						 enum snat_hold hold)
{
	struct lb_table_changes *changes = flow_changes(
		hold == SNAT_HOLD_ENDED ? LB_TABLE_ESTABLISHED : flow_new_table(reply_key));

	if (changes)
		changes->ports_taken_over++;
}
