/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The end of a flow: its connection is over, or the client's next packet opens another one in its place. */
#pragma once

#include "address.h"
#include "counters.h"
#include "dsr.h"
#include "events.h"
#include "flow_table.h"
#include "maps.h"
#include "pkt.h"
#include "snat_rest.h"
#include "tcp.h"
#include "types.h"

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
