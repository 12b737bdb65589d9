/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Finding and removing flows, wherever they stand. */
#pragma once

#include "maps.h"
#include "types.h"

/* How many flows have been moved so far. */
static __always_inline __u64 flow_generation(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&generation, &zero);

	return count ? *(volatile __u64 *)count : 0;
}

/* Tells who looks for a flow that one is in `flows` by now, before it leaves `opening`. */
static __always_inline void flow_bump_generation(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&generation, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Another processor may move a flow between the two looks: then it is missed in both, and looked for again. */
static __always_inline struct lb_flow *flow_lookup(const struct lb_tuple *key)
{
	__u64 before = flow_generation();
	struct lb_flow *flow = bpf_map_lookup_elem(&flows, key);

	flow = flow ?: bpf_map_lookup_elem(&half_open, key);
	return flow || flow_generation() == before ? flow : bpf_map_lookup_elem(&flows, key);
}

/* The other half of a flow: not who has reserved its key since it was evicted. */
static __always_inline struct lb_flow *flow_pair(const struct lb_tuple *key,
						 const struct lb_flow *flow)
{
	struct lb_tuple pair_key = lb_tuple_reversed(&flow->rewritten);
	struct lb_tuple pair_rewritten = lb_tuple_reversed(key);
	struct lb_flow *pair = flow_lookup(&pair_key);

	return pair && lb_tuple_equals(&pair->rewritten, &pair_rewritten) ? pair : NULL;
}

static __always_inline void flow_delete(const struct lb_tuple *key)
{
	bpf_map_delete_elem(&flows, key);
	bpf_map_delete_elem(&half_open, key);
}

static __noinline void flow_remove(const struct lb_tuple *key, const struct lb_flow *flow)
{
	struct lb_tuple pair_key = lb_tuple_reversed(&flow->rewritten);

	if (flow_pair(key, flow))
		flow_delete(&pair_key);
	flow_delete(key);
}
