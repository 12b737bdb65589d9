/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Flows: two entries in one map, one for each direction, each of which tells
 * the other; in mode dsr the client's alone. A flow begins in `opening` and
 * moves to `flows` once both ends have shown that they are there, so that a
 * flood of first packets can evict nothing but other first packets.
 */
#pragma once

#include "dsr.h"
#include "flow_table.h"
#include "maps.h"
#include "snat.h"
#include "tcp.h"
#include "telemetry.h"
#include "types.h"

/* How often, at most, a busy flow looks after its other half: about every four seconds, 2^32 ns. */
#define FLOW_KEEP_ALIVE_SHIFT 32

/* Has an opening flow shown that both its ends are there, with this packet of the client's? */
static __always_inline bool flow_is_established(const struct lb_flow *flow,
						const struct lb_flow *reply,
						const struct packet *pkt)
{
	if (flow->direction != LB_TO_BACKEND)
		return false;
	if (pkt->tuple.protocol == IPPROTO_UDP)
		return reply->packets > 0;
	return tcp_completes_handshake(pkt, reply) || tcp_is_resumed(flow, reply);
}

/*
 * Moves a flow from `opening` to `flows`; returns its half under `key` there.
 * Another processor may be at it too. Where a table has no room, the half that
 * found none stays, for the next packet to try again. In mode dsr there is no
 * reply, and it is NULL.
 */
static __noinline struct lb_flow *flow_establish(const struct lb_tuple *key, struct lb_flow *flow,
						 struct lb_flow *reply)
{
	struct lb_tuple reply_key = lb_tuple_reversed(&flow->rewritten);
	struct lb_flow *established;

	if (reply) {
		bpf_map_update_elem(&flows, &reply_key, reply, BPF_NOEXIST);
		if (!bpf_map_lookup_elem(&flows, &reply_key))
			return flow;
	}
	bpf_map_update_elem(&flows, key, flow, BPF_NOEXIST);
	established = bpf_map_lookup_elem(&flows, key);
	if (!established)
		return flow;
	flow_bump_generation();
	if (reply)
		bpf_map_delete_elem(&half_open, &reply_key);
	bpf_map_delete_elem(&half_open, key);
	return established;
}

/* The flow of a packet that has none in `flows`; one whose ends have both shown themselves by now moves there. */
static __always_inline struct lb_flow *flow_find_half_open(const struct packet *pkt)
{
	struct lb_flow *flow = bpf_map_lookup_elem(&half_open, &pkt->tuple);
	struct lb_flow *reply;

	/* It may just have been moved there. To know by `moves` would cost each packet that has one. */
	if (!flow)
		return bpf_map_lookup_elem(&flows, &pkt->tuple);
	if (dsr_applies(flow))
		return dsr_is_established(flow, pkt) ? flow_establish(&pkt->tuple, flow, NULL) :
						       flow;
	reply = flow_pair(&pkt->tuple, flow);
	if (!reply || !flow_is_established(flow, reply, pkt))
		return flow;
	return flow_establish(&pkt->tuple, flow, reply);
}

/*
 * Looks after the other half of a busy flow: the look alone keeps it from being
 * evicted, and one that was is made anew from this half, where this one stands.
 * False when its key has become another flow's: then this one is over.
 */
static __noinline bool flow_keep_alive(const struct lb_tuple *key, const struct lb_flow *flow)
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
	pair.path_mtu = 0;
	pair.packets = 0;
	pair.bytes = 0;
	/* What the other end has yet to show, this half does not show for it. */
	pair.tcp_seen &= established ? ~(LB_SEEN_FIN | LB_SEEN_RST) : 0;
	bpf_map_update_elem(established ? (void *)&flows : (void *)&half_open, &pair_key, &pair,
			    BPF_NOEXIST);
	return true;
}

/* The living flow of a packet, which goes nowhere before its flow is looked after. */
static __always_inline struct lb_flow *flow_find(const struct packet *pkt, __u64 now)
{
	struct lb_flow *flow = bpf_map_lookup_elem(&flows, &pkt->tuple) ?: flow_find_half_open(pkt);

	if (!flow || dsr_applies(flow) || !((now ^ flow->seen_ns) >> FLOW_KEEP_ALIVE_SHIFT))
		return flow;
	return flow_keep_alive(&pkt->tuple, flow) ? flow : NULL;
}

/* Marks a flow that is over; whoever is first reports it. */
static __always_inline void flow_mark_end(const struct lb_tuple *client, struct lb_flow *forward,
					  struct lb_flow *reply)
{
	if (__sync_fetch_and_or(&forward->tcp_seen, LB_SEEN_END) & LB_SEEN_END)
		return;
	if (reply)
		__sync_fetch_and_or(&reply->tcp_seen, LB_SEEN_END);
	count_active_flow(forward->backend, -1);
	event_flow_closed(client, forward, reply);
}

/* Ends the flow when the connection is over. Not inlined: it is rare. */
static __noinline void flow_end(const struct lb_tuple *key, struct lb_flow *flow)
{
	struct lb_flow *pair;
	struct lb_tuple client;

	if (dsr_applies(flow)) {
		if (dsr_is_over(flow))
			flow_mark_end(key, flow, NULL);
		return;
	}
	pair = flow_pair(key, flow);
	if (!pair || !tcp_is_over(flow, pair))
		return;
	if (flow->direction == LB_TO_BACKEND) {
		flow_mark_end(key, flow, pair);
	} else {
		client = lb_tuple_reversed(&flow->rewritten);
		flow_mark_end(&client, pair, flow);
	}
}

/* Removes a client's flow, in whose place another one comes; who has not been told of its end is told now. */
static __noinline void flow_replace(const struct lb_tuple *client, struct lb_flow *flow)
{
	flow_mark_end(client, flow, dsr_applies(flow) ? NULL : flow_pair(client, flow));
	flow_remove(client, flow);
}

/* Accounts a packet that was sent on, and follows the connection's state. */
static __always_inline void flow_update(struct lb_flow *flow, const struct packet *pkt, __u64 now)
{
	__u32 seen = tcp_seen_in(pkt);

	flow->seen_ns = now;
	flow->packets++;
	flow->bytes += pkt->l3_length;
	if (seen & LB_SEEN_SYN)
		flow->handshake_ack = bpf_ntohl(pkt->tcp_seq) + 1;
	if (seen & ~flow->tcp_seen)
		__sync_fetch_and_or(&flow->tcp_seen, seen);
	if (seen & (LB_SEEN_FIN | LB_SEEN_RST))
		flow_end(&pkt->tuple, flow);
}

/* Writes a new flow's half that leads to the backend; NULL when another processor did so meanwhile. */
static __always_inline struct lb_flow *flow_add(void *map, const struct lb_tuple *client,
						const struct lb_flow *flow)
{
	if (bpf_map_update_elem(map, client, flow, BPF_NOEXIST))
		return NULL;
	count_opened(flow);
	count_active_flow(flow->backend, 1);
	event_flow_opened(client, flow);
	return bpf_map_lookup_elem(map, client);
}

/*
 * Writes a new flow of mode dsr from the client's tuple to `backend`, and
 * returns it: its one half. It takes no port, so all that can fail is its room.
 */
static __always_inline struct lb_flow *flow_open_dsr(const struct lb_tuple *client,
						     struct lb_flow *flow)
{
	flow->opened_ns = bpf_ktime_get_ns();
	flow->seen_ns = flow->opened_ns;
	flow->direction = LB_TO_BACKEND;
	return flow_add(&half_open, client, flow) ?: flow_lookup(client);
}

/*
 * Writes both halves of a new flow from the client's tuple to what it is
 * rewritten to, but for the source port, which is found here; returns the
 * forward half, or NULL and why not. When another processor opened the same flow
 * meanwhile, its flow is the one.
 */
static __always_inline struct lb_flow *flow_open(struct lb_ctx *ctx, const struct lb_tuple *client,
						 struct new_flow *new_flow, enum lb_reason *refusal)
{
	struct lb_tuple *reply_key = &new_flow->reply_key;
	struct lb_flow *flow = &new_flow->flow;
	struct lb_flow *opened;
	enum snat_reservation held;

	reply_key->src = flow->rewritten.dst;
	reply_key->dst = flow->rewritten.src;
	reply_key->sport = flow->rewritten.dport;
	reply_key->protocol = client->protocol;

	flow->opened_ns = bpf_ktime_get_ns();
	flow->seen_ns = flow->opened_ns;
	flow->direction = LB_TO_CLIENT;
	flow->rewritten = lb_tuple_reversed(client);
	*refusal = LB_REFUSE_NO_PORT;
	held = snat_reserve_port(ctx);
	if (!held)
		return NULL;

	flow->direction = LB_TO_BACKEND;
	flow->rewritten = lb_tuple_reversed(reply_key);
	*refusal = LB_REFUSE_NO_FLOW;
	/* A reply's half that outlived its forward one stands where that stood. */
	opened = flow_add(held == SNAT_RESERVED_ESTABLISHED ? (void *)&flows : (void *)&half_open,
			  client, flow);
	if (opened)
		return opened;
	opened = flow_lookup(client);
	/* Its reply's half may be the one that was found: who was first has reserved it. */
	if (!opened || !lb_tuple_equals(&opened->rewritten, &flow->rewritten))
		bpf_map_delete_elem(&half_open, reply_key);
	return opened;
}
