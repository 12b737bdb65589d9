/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The life of a flow. A flow has a forward entry (its key is the client's tuple)
 * and a reply entry (its key is the tuple of the backend's packets); each one
 * leads to the other. In modes dsr and tunnel there is no
 * reply entry.
 *
 * A TCP flow starts in `half_open`. It moves to `flows` when both endpoints have
 * shown that they are real, so that a flood of first packets evicts half-open
 * flows only. A UDP flow is in `udp_flows` from its first packet on.
 */
#pragma once

#include "address.h"
#include "address_filter.h"
#include "counters.h"
#include "ctx.h"
#include "dsr.h"
#include "events.h"
#include "flow_table.h"
#include "maps.h"
#include "pkt_ctx.h"
#include "snat.h"
#include "tcp.h"
#include "types.h"

/* The time step of flow_keep_alive(): 2^32 ns, about four seconds. */
#define FLOW_KEEP_ALIVE_SHIFT (32 - LB_SEEN_SHIFT)

/*
 * Returns true if the packet, which is of a half-open flow with that entry,
 * shows that both endpoints are real.
 */
static __always_inline bool flow_is_established(const struct lb_flow *flow,
						const struct lb_flow *reply,
						const struct packet *pkt)
{
	if (flow->direction != LB_TO_BACKEND)
		return false;
	return tcp_completes_handshake(pkt, reply) || tcp_is_resumed(flow, reply);
}

/*
 * Returns true if a half-open flow still has its SNAT port: snat_evict() has not
 * claimed it.
 */
static __always_inline bool flow_holds_port(const struct lb_tuple *reply_key, __u64 opened_ns)
{
	const struct lb_flow *reply = bpf_map_lookup_elem(&half_open, reply_key);

	return reply && reply->opened_ns == opened_ns &&
	       !(*(volatile __u32 *)&reply->tcp_seen & LB_SEEN_CLAIMED);
}

/*
 * Inserts the reply entry of a half-open flow into `flows`, without the claim of a
 * CPU that draws back. Returns false if the flow has no reply entry there, or must
 * not move. Sets *inserted to whether this CPU has inserted it.
 *
 * One CPU moves a flow: the one whose insertion succeeds. It draws back if another
 * CPU takes the port over. A reply entry in `flows` alone, without a CPU that moves
 * it, is what an eviction from `half_open` leaves: the forward entry follows it. A
 * CPU that takes the port over removes the forward entry before the reply entry.
 */
static __noinline bool flow_move_reply(const struct lb_tuple *key, const struct lb_tuple *reply_key,
				       const struct lb_flow *reply, bool *inserted)
{
	struct lb_flow moved = *reply;

	/* It may have been removed, and reused, since it was looked up. */
	if (!lb_tuple_is_reversed(&moved.rewritten, key))
		return false;
	moved.tcp_seen &= ~LB_SEEN_CLAIMED;
	*inserted = flow_insert(LB_TABLE_ESTABLISHED, reply_key, &moved);
	if (!*inserted)
		return !bpf_map_lookup_elem(&half_open, reply_key) &&
		       bpf_map_lookup_elem(&half_open, key) &&
		       bpf_map_lookup_elem(&flows, reply_key);
	if (flow_holds_port(reply_key, moved.opened_ns))
		return true;
	flow_erase(LB_TABLE_ESTABLISHED, reply_key);
	return false;
}

/*
 * Moves a flow from `half_open` to `flows`. `reply` is NULL in modes dsr and
 * tunnel. Returns the forward entry: in `flows`, or still in `half_open` if `flows`
 * took no new entry, or another CPU moves the flow or takes its port over. Then
 * both entries stay as they were, and the next packet tries again.
 */
static __noinline struct lb_flow *flow_establish(const struct lb_tuple *key, struct lb_flow *flow,
						 struct lb_flow *reply)
{
	struct lb_tuple reply_key = lb_tuple_reversed(&flow->rewritten);
	struct lb_flow *established;
	bool inserted = false;

	if (reply && !flow_move_reply(key, &reply_key, reply, &inserted))
		return bpf_map_lookup_elem(&flows, key) ?: flow;
	flow_insert(LB_TABLE_ESTABLISHED, key, flow);
	established = bpf_map_lookup_elem(&flows, key);
	if (!established) {
		if (inserted)
			flow_erase(LB_TABLE_ESTABLISHED, &reply_key);
		return flow;
	}
	flow_bump_generation();
	if (reply)
		flow_erase(LB_TABLE_HALF_OPEN, &reply_key);
	flow_erase(LB_TABLE_HALF_OPEN, key);
	return established;
}

/*
 * Returns the half-open flow of a packet, or NULL. If the packet shows that both
 * endpoints are real, the flow moves to `flows` first.
 */
static __always_inline struct lb_flow *flow_find_half_open(const struct packet *pkt)
{
	struct lb_flow *flow = bpf_map_lookup_elem(&half_open, &pkt->tuple);
	struct lb_flow *reply;

	/* Another CPU may have moved it after the look-up in `flows`. Reading the generation would cost every packet. */
	if (!flow)
		return bpf_map_lookup_elem(&flows, &pkt->tuple);
	if (dsr_is_direct(flow))
		return dsr_is_established(flow, pkt) ? flow_establish(&pkt->tuple, flow, NULL) :
						       flow;
	reply = flow_pair(&pkt->tuple, flow);
	if (!reply || !flow_is_established(flow, reply, pkt))
		return flow;
	return flow_establish(&pkt->tuple, flow, reply);
}

/*
 * Keeps the other entry of a flow alive: the look-up makes it recently used, and
 * an evicted entry is written again, to the map that this entry is in. Returns
 * false, and removes this entry, if the other key belongs to another flow now:
 * the flow is over. `now` is in the unit of lb_flow.seen.
 */
static __noinline bool flow_keep_alive(const struct lb_tuple *key, const struct lb_flow *flow,
				       __u32 now)
{
	struct lb_tuple pair_key = lb_tuple_reversed(&flow->rewritten);
	bool established = bpf_map_lookup_elem(&flows, key);
	struct lb_flow *found = flow_lookup(&pair_key);
	struct lb_flow pair = *flow;

	pair.rewritten = lb_tuple_reversed(key);
	if (found && !lb_tuple_equals(&found->rewritten, &pair.rewritten)) {
		flow_delete(key);
		return false;
	}
	if (found)
		return true;
	pair.direction = flow->direction == LB_TO_BACKEND ? LB_TO_CLIENT : LB_TO_BACKEND;
	pair.seen = now;
	pair.path_mtu = 0;
	pair.packets = 0;
	pair.bytes = 0;
	/* What this direction acknowledged is what the other one sent, and the other way round. */
	pair.seq_next = flow->ack;
	pair.ack = flow->seq_next;
	/* A flow that is over stays over. Else the new entry claims nothing that its own direction has not shown. */
	pair.tcp_seen &=
		LB_SEEN_END |
		(established && flow->tcp_seen & LB_SEEN_ACK ? LB_SEEN_SYN | LB_SEEN_ACK : 0);
	flow_insert(established ? LB_TABLE_ESTABLISHED : flow_new_table(key), &pair_key, &pair);
	return true;
}

/* Returns the flow of a packet, or NULL, and keeps its other entry alive. `now` is in the unit of lb_flow.seen. */
static __always_inline struct lb_flow *flow_find(const struct packet *pkt, __u32 now)
{
	struct lb_flow *flow;

	if (pkt->tuple.protocol == IPPROTO_UDP)
		flow = flow_lookup_udp(&pkt->tuple);
	else
		flow = bpf_map_lookup_elem(&flows, &pkt->tuple) ?: flow_find_half_open(pkt);

	if (!flow || dsr_is_direct(flow) || !((now ^ flow->seen) >> FLOW_KEEP_ALIVE_SHIFT) ||
	    flow_rests(flow))
		return flow;
	return flow_keep_alive(&pkt->tuple, flow, now) ? flow : NULL;
}

/* Marks a flow as over. Of several CPUs the first one counts and reports it, and gets true. */
static __always_inline bool flow_mark_end(const struct lb_tuple *client, struct lb_flow *forward,
					  struct lb_flow *reply)
{
	if (__sync_fetch_and_or(&forward->tcp_seen, LB_SEEN_END) & LB_SEEN_END)
		return false;
	if (reply)
		__sync_fetch_and_or(&reply->tcp_seen, LB_SEEN_END);
	count_active_flow(forward->backend, -1);
	event_flow_closed(client, forward, reply);
	return true;
}

/*
 * Marks a flow of mode nat as over. Its port rests if its client has proved that it
 * is there: a stranger's SYNs, and the resets that answer them, fill no table.
 */
static __always_inline void flow_end_nat(const struct lb_tuple *client, struct lb_flow *forward,
					 struct lb_flow *reply)
{
	if (flow_mark_end(client, forward, reply) && forward->tcp_seen & LB_SEEN_ACK)
		snat_rest_flow(forward, &client->src);
}

/* Marks the flow as over if its connection is. `pair` is the other entry, or NULL. */
static __always_inline void flow_end(const struct lb_tuple *key, struct lb_flow *flow,
				     struct lb_flow *pair)
{
	struct lb_tuple client;

	if (dsr_is_direct(flow)) {
		if (dsr_is_over(flow))
			flow_mark_end(key, flow, NULL);
		return;
	}
	if (!pair || !tcp_is_over(flow, pair))
		return;
	if (flow->direction == LB_TO_BACKEND) {
		flow_end_nat(key, flow, pair);
	} else {
		client = lb_tuple_reversed(&flow->rewritten);
		flow_end_nat(&client, pair, flow);
	}
}

/*
 * Returns true if the backend cannot answer: it is down, or it is gone and its id
 * is free or has another address now.
 */
static __always_inline bool flow_backend_is_down(const struct lb_flow *flow)
{
	__u32 id = flow->backend;
	const struct lb_backend *backend = bpf_map_lookup_elem(&backends, &id);

	return !backend || backend->state == LB_BACKEND_DOWN ||
	       !lb_address_equals(&backend->address, &flow->rewritten.dst);
}

/*
 * Returns true if a SYN opens a new flow in place of the one that the client has:
 *  - That one is over. In modes dsr and tunnel it is never known to be, as the
 *    backend may still send: the SYN stays with the backend, which knows.
 *  - It is another SYN than the first one, and the backend has not answered for
 *    TCP_GIVE_UP, or its answer would not reach the client, as the reply entry is
 *    gone. Before that, the SYN may be forged.
 */
static __noinline bool flow_is_left(const struct packet *pkt, const struct lb_flow *flow, __u32 now)
{
	bool waited = (__s32)(now - (__u32)(flow->opened_ns >> LB_SEEN_SHIFT)) >= TCP_GIVE_UP;
	const struct lb_flow *reply;

	if (flow->tcp_seen & LB_SEEN_END)
		return !dsr_is_direct(flow);
	if (!tcp_is_other_syn(pkt, flow))
		return false;
	if (dsr_is_direct(flow))
		return waited;
	reply = flow_pair(&pkt->tuple, flow);
	return !reply || (waited && !tcp_is_tracked(reply));
}

/*
 * Returns true if the client's packet opens a new flow in place of the one that it
 * has: a SYN if the client has left that one, a SYN or a datagram if its backend is
 * down. The backend is selected anew. `now` is in the unit of lb_flow.seen.
 */
static __always_inline bool flow_reopens(const struct lb_flow *flow, const struct packet *pkt,
					 __u32 now)
{
	if (flow->direction != LB_TO_BACKEND || !pkt_opens_flow(pkt))
		return false;
	if (pkt->tuple.protocol == IPPROTO_TCP && flow_is_left(pkt, flow, now))
		return true;
	return flow_backend_is_down(flow);
}

/*
 * Removes a client's flow before another one takes its tuple, and reports its end
 * if nobody has. The reply entry of a flow that is over stays, and holds its SNAT port
 * until it expires.
 */
static __noinline void flow_replace(const struct lb_tuple *client, struct lb_flow *flow)
{
	if (flow->tcp_seen & LB_SEEN_END) {
		flow_delete(client);
		return;
	}
	flow_mark_end(client, flow, dsr_is_direct(flow) ? NULL : flow_pair(client, flow));
	flow_remove(client, flow);
}

/*
 * Follows a client of mode dsr or tunnel to the connection of its latest SYN. If the
 * flow was over, it begins again. Of several CPUs the first one counts and reports it.
 */
static __always_inline void flow_follow_latest_syn(const struct packet *pkt, struct lb_flow *flow)
{
	const __u32 end = LB_SEEN_FIN | LB_SEEN_RST | LB_SEEN_END;

	tcp_swap_syns(flow);
	if (!(flow->tcp_seen & LB_SEEN_END) ||
	    !(__sync_fetch_and_and(&flow->tcp_seen, ~end) & LB_SEEN_END))
		return;
	flow->opened_ns = bpf_ktime_get_ns();
	flow->packets = 1;
	flow->bytes = pkt->l3_length;
	count_opened(flow);
	count_active_flow(flow->backend, 1);
	event_flow_opened(&pkt->tuple, flow);
}

/*
 * Updates the connection's state for a segment that tcp_track_in_sequence() does
 * not handle: SYN, FIN, RST, segments out of sequence, and those after a FIN.
 */
lb_global bool flow_track(const struct packet *pkt, struct lb_flow *flow)
{
	struct lb_flow *pair;
	__u32 seen;

	if (!pkt || !flow)
		return false;
	pair = dsr_is_direct(flow) ? NULL : flow_pair(&pkt->tuple, flow);
	if (dsr_is_direct(flow) && dsr_follows_latest_syn(flow, pkt))
		flow_follow_latest_syn(pkt, flow);
	seen = tcp_accept(pkt, flow, pair);
	if (!seen)
		return false;
	if (!(seen & LB_SEEN_RST))
		tcp_advance(pkt, flow);
	/* The backend chooses between the client's SYNs. */
	if (seen & LB_SEEN_SYN && flow->direction == LB_TO_CLIENT && pair &&
	    !tcp_acknowledges_syn(flow->ack, pair->seq_next))
		tcp_swap_syns(pair);
	if (seen & ~flow->tcp_seen)
		__sync_fetch_and_or(&flow->tcp_seen, seen);
	if ((seen | flow->tcp_seen) & (LB_SEEN_FIN | LB_SEEN_RST))
		flow_end(&pkt->tuple, flow, pair);
	return true;
}

/*
 * Counts a forwarded packet and updates the connection's state. Every packet
 * restarts the idle timeout: a forged one keeps a flow, and never ends one.
 */
static __always_inline void flow_update(struct lb_flow *flow, const struct packet *pkt, __u32 now)
{
	flow->seen = now;
	flow->packets++;
	flow->bytes += pkt->l3_length;
	/* UDP and later fragments have no flags. */
	if (pkt->tcp_flags && !tcp_track_in_sequence(pkt, flow))
		flow_track(pkt, flow);
}

/*
 * Completes the entry of a flow that its first packet opens, before it is inserted,
 * as flow_update() does afterwards. The packet is one of pkt_opens_flow().
 */
static __always_inline void flow_begin(struct lb_flow *flow, const struct packet *pkt, __u32 now)
{
	flow->seen = now;
	flow->packets = 1;
	flow->bytes = pkt->l3_length;
	if (!pkt->tcp_flags)
		return;
	tcp_advance(pkt, flow);
	flow->tcp_seen |= LB_SEEN_SYN;
}

/* Sets the times of a new flow. */
static __always_inline void flow_set_times(struct lb_flow *flow)
{
	flow->opened_ns = bpf_ktime_get_ns();
	flow->seen = flow->opened_ns >> LB_SEEN_SHIFT;
}

/* Prepares the entry of a flow of mode dsr or tunnel. */
static __always_inline void flow_prepare_direct(const struct lb_tuple *client,
						struct new_flow *new_flow)
{
	flow_set_times(&new_flow->flow);
	new_flow->flow.direction = LB_TO_BACKEND;
	new_flow->table = flow_new_table(client);
}

/*
 * Prepares a flow of mode nat for snat_reserve_port(): its reply entry, without the
 * port. new_flow->flow.rewritten is its tuple to the backend except for the source
 * port.
 */
static __always_inline void flow_prepare_reply(const struct lb_tuple *client,
					       struct new_flow *new_flow)
{
	struct lb_tuple *reply_key = &new_flow->reply_key;
	struct lb_flow *flow = &new_flow->flow;

	reply_key->src = flow->rewritten.dst;
	reply_key->dst = flow->rewritten.src;
	reply_key->sport = flow->rewritten.dport;
	reply_key->protocol = client->protocol;
	address_filter_add(&reply_key->dst);

	flow_set_times(flow);
	flow->direction = LB_TO_CLIENT;
	flow->rewritten = lb_tuple_reversed(client);
}

/* Prepares the forward entry of a flow of mode nat after flow_prepare_reply() and the reservation of its port. */
static __always_inline void flow_prepare_forward(const struct lb_tuple *client,
						 struct new_flow *new_flow,
						 enum snat_reservation reserved)
{
	new_flow->flow.direction = LB_TO_BACKEND;
	new_flow->flow.rewritten = lb_tuple_reversed(&new_flow->reply_key);
	/* A reply entry that outlived its forward entry says which map that belongs in. */
	new_flow->table = reserved == SNAT_RESERVED_ESTABLISHED ? LB_TABLE_ESTABLISHED :
								  flow_new_table(client);
}

/*
 * Inserts the forward entry of a prepared flow, counts and reports the flow.
 * Returns false if another CPU has inserted one for that client, or the table took
 * no new entry: call flow_withdraw() then.
 */
static __always_inline bool flow_open(const struct lb_tuple *client,
				      const struct new_flow *new_flow)
{
	const struct lb_flow *flow = &new_flow->flow;

	if (!flow_insert(new_flow->table, client, flow))
		return false;
	count_opened(flow);
	count_active_flow(flow->backend, 1);
	event_flow_opened(client, flow);
	return true;
}

/*
 * Removes the reply entry of a flow that was not opened, and returns the flow that
 * the client has instead, or NULL. That flow may have the same reply entry: then it
 * stays.
 */
static __always_inline struct lb_flow *flow_withdraw(const struct lb_tuple *client,
						     const struct new_flow *new_flow)
{
	struct lb_flow *other = flow_lookup(client);

	if (!dsr_is_direct(&new_flow->flow) &&
	    (!other || !lb_tuple_equals(&other->rewritten, &new_flow->flow.rewritten)))
		flow_erase(flow_new_table(&new_flow->reply_key), &new_flow->reply_key);
	return other;
}
