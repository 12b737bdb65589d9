/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The entries of a new flow. In mode nat the reply entry is inserted first, which
 * reserves the SNAT port (snat.h); the forward entry is inserted once it is complete.
 */
#pragma once

#include "address.h"
#include "address_filter.h"
#include "counters.h"
#include "dsr.h"
#include "events.h"
#include "flow_table.h"
#include "maps.h"
#include "pkt_ctx.h"
#include "snat.h"
#include "tcp.h"
#include "types.h"

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
