/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The tables of flows. A flow has a forward entry (its key is the client's tuple)
 * and a reply entry (its key is the tuple of the backend's packets); each one
 * leads to the other. In modes dsr and tunnel there is no reply entry.
 *
 * A TCP flow starts in `half_open`. It moves to `flows` when both endpoints have
 * shown that they are real, so that a flood of first packets evicts half-open
 * flows only. A UDP flow is in `udp_flows` from its first packet on.
 */
#pragma once

#include "address.h"
#include "maps.h"
#include "types.h"

/* Returns the time in the unit of lb_flow.seen. The coarse clock costs less, and may be some ms behind. */
static __always_inline __u32 flow_now(void)
{
	return bpf_ktime_get_coarse_ns() >> LB_SEEN_SHIFT;
}

/* Returns how many flows have moved from `half_open` to `flows`. */
static __always_inline __u64 flow_generation(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&generation, &zero);

	return count ? *(volatile __u64 *)count : 0;
}

/*
 * Announces a move to concurrent look-ups: call it when the entry is in `flows`,
 * before it leaves `half_open`.
 */
static __always_inline void flow_bump_generation(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&generation, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Returns the table that a new flow's entries are inserted into. */
static __always_inline enum lb_flow_table flow_new_table(const struct lb_tuple *key)
{
	return key->protocol == IPPROTO_UDP ? LB_TABLE_UDP : LB_TABLE_HALF_OPEN;
}

static __always_inline void *flow_map(enum lb_flow_table table)
{
	return table == LB_TABLE_UDP	   ? (void *)&udp_flows :
	       table == LB_TABLE_HALF_OPEN ? (void *)&half_open :
					     (void *)&flows;
}

/* Returns this CPU's counters of a table. */
static __always_inline struct lb_table_changes *flow_changes(enum lb_flow_table table)
{
	__u32 index = table;

	return bpf_map_lookup_elem(&table_changes, &index);
}

/*
 * Inserts an entry unless its key exists, and counts it. Returns false if it was
 * not inserted. A full table evicts an entry first, also if the key exists.
 */
static __noinline bool flow_insert(enum lb_flow_table table, const struct lb_tuple *key,
				   const struct lb_flow *flow)
{
	struct lb_table_changes *changes;

	if (bpf_map_update_elem(flow_map(table), key, flow, BPF_NOEXIST))
		return false;
	changes = flow_changes(table);
	if (changes)
		changes->inserted++;
	return true;
}

/* Removes an entry from one table, and counts it. Returns false if it was not there. */
static __noinline bool flow_erase(enum lb_flow_table table, const struct lb_tuple *key)
{
	struct lb_table_changes *changes;

	if (bpf_map_delete_elem(flow_map(table), key))
		return false;
	changes = flow_changes(table);
	if (changes)
		changes->removed++;
	return true;
}

/*
 * Returns the entry of a UDP key, or NULL. The barrier keeps the look-ups of two
 * maps apart: clang would join them, and the verifier inlines a look-up only if
 * it is always in one map.
 */
static __always_inline struct lb_flow *flow_lookup_udp(const struct lb_tuple *key)
{
	struct lb_flow *flow = bpf_map_lookup_elem(&udp_flows, key);

	barrier_var(flow);
	return flow;
}

/*
 * Returns the entry of a key, or NULL. Another CPU may move the entry between
 * the two look-ups, which then both miss it: the generation shows that, and
 * `flows` is looked up again.
 */
static __always_inline struct lb_flow *flow_lookup(const struct lb_tuple *key)
{
	struct lb_flow *flow;
	__u64 before;

	if (key->protocol == IPPROTO_UDP)
		return flow_lookup_udp(key);
	before = flow_generation();
	flow = bpf_map_lookup_elem(&flows, key);
	flow = flow ?: bpf_map_lookup_elem(&half_open, key);
	return flow || flow_generation() == before ? flow : bpf_map_lookup_elem(&flows, key);
}

/*
 * Returns the entry of the flow's other direction, or NULL. If the entry was
 * evicted, its key may belong to another flow now: that one is not returned.
 */
static __always_inline struct lb_flow *flow_pair(const struct lb_tuple *key,
						 const struct lb_flow *flow)
{
	struct lb_tuple pair_key = lb_tuple_reversed(&flow->rewritten);
	struct lb_flow *pair = flow_lookup(&pair_key);

	return pair && lb_tuple_is_reversed(&pair->rewritten, key) ? pair : NULL;
}

/* Returns true for the reply entry of a flow that is over: it keeps the SNAT port from others. */
static __always_inline bool flow_rests(const struct lb_flow *flow)
{
	return flow->direction == LB_TO_CLIENT && flow->tcp_seen & LB_SEEN_END;
}

static __always_inline void flow_delete(const struct lb_tuple *key)
{
	if (key->protocol == IPPROTO_UDP) {
		flow_erase(LB_TABLE_UDP, key);
		return;
	}
	flow_erase(LB_TABLE_ESTABLISHED, key);
	flow_erase(LB_TABLE_HALF_OPEN, key);
}

/* Removes both entries of a flow. */
static __always_inline void flow_remove(const struct lb_tuple *key, const struct lb_flow *flow)
{
	struct lb_tuple pair_key = lb_tuple_reversed(&flow->rewritten);

	if (flow_pair(key, flow))
		flow_delete(&pair_key);
	flow_delete(key);
}
