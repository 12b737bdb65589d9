/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Finds the flow of a packet. On the way a half-open connection whose endpoints have
 * both shown that they are real moves to `flows`, and the flow's other entry is kept
 * alive.
 */
#pragma once

#include "address.h"
#include "dsr.h"
#include "flow_table.h"
#include "maps.h"
#include "pkt.h"
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
