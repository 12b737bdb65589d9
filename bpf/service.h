/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Services, and the selection of a backend for a new flow. */
#pragma once

#include "hash.h"
#include "maps.h"
#include "types.h"

/*
 * Returns the service of a client's tuple, or NULL. A service of every port
 * (port 0) matches last, and not in the local port range.
 */
static __always_inline struct lb_service *service_lookup(const struct lb_tuple *tuple)
{
	struct lb_service_key key = {
		.address = tuple->dst,
		.port = tuple->dport,
		.protocol = tuple->protocol,
	};
	struct lb_service *service = bpf_map_lookup_elem(&services, &key);
	__u16 port = bpf_ntohs(tuple->dport);

	if (service || (port >= settings.local_port_min && port <= settings.local_port_max))
		return service;
	key.port = 0;
	return bpf_map_lookup_elem(&services, &key);
}

/* Returns true if any packet of a flow selects the same backend, so that lost state can be restored. */
static __always_inline bool service_is_consistent(const struct lb_service *service)
{
	return service->algorithm == LB_SOURCE_HASH || service->algorithm == LB_MAGLEV;
}

/* Returns the backend id in a slot, counted from 0, or LB_NO_ID. */
static __always_inline __u32 service_slot_backend(void *table, __u32 slot)
{
	__u32 element = 1 + slot;
	__u32 *backend = bpf_map_lookup_elem(table, &element);

	return backend ? *backend : LB_NO_ID;
}

/* Takes the next round-robin position. All CPUs share the counter. */
static __always_inline __u32 service_rr_next(const struct lb_service *service)
{
	__u64 *position = bpf_map_lookup_elem(&rr_counters, &service->id);

	return position ? __sync_fetch_and_add(position, 1) : 0;
}

/* Returns a round-robin position that was not used. */
static __always_inline void service_rr_give_back(const struct lb_service *service)
{
	__u64 *position = bpf_map_lookup_elem(&rr_counters, &service->id);

	if (position && service->algorithm == LB_ROUND_ROBIN)
		__sync_fetch_and_add(position, -1);
}

/* Returns true if `a` has fewer active flows for its weight than `b`. */
static __always_inline bool service_is_less_busy(__u32 a, __u32 b)
{
	struct lb_backend *backend_a = bpf_map_lookup_elem(&backends, &a);
	struct lb_backend *backend_b = bpf_map_lookup_elem(&backends, &b);
	__s64 *flows_a = bpf_map_lookup_elem(&active_flows, &a);
	__s64 *flows_b = bpf_map_lookup_elem(&active_flows, &b);

	if (!backend_a || !backend_b || !flows_a || !flows_b)
		return false;
	return *flows_a * backend_b->weight < *flows_b * backend_a->weight;
}

/* Power of two choices: returns the less busy backend of two different random slots. */
static __always_inline __u32 service_least_of_two(void *table, __u32 count)
{
	__u32 first = bpf_get_prandom_u32() % count;
	__u32 a = service_slot_backend(table, first);
	__u32 b;

	if (count == 1)
		return a;
	b = service_slot_backend(table, (first + 1 + bpf_get_prandom_u32() % (count - 1)) % count);
	return service_is_less_busy(b, a) ? b : a;
}

/*
 * Returns a new flow's backend id, or LB_NO_ID if the service has none. The slot
 * table is looked up once: a table that is swapped in meanwhile is not mixed in.
 */
static __always_inline __u32 service_select_backend(const struct lb_service *service,
						    const struct lb_tuple *tuple)
{
	void *table = bpf_map_lookup_elem(&slots, &service->id);
	__u32 element = 0;
	__u32 *count;

	count = table ? bpf_map_lookup_elem(table, &element) : NULL;
	if (!count || *count == 0)
		return LB_NO_ID;
	switch (service->algorithm) {
	case LB_RANDOM:
		return service_slot_backend(table, bpf_get_prandom_u32() % *count);
	case LB_SOURCE_HASH:
		return service_slot_backend(table, hash_address(&tuple->src) % *count);
	case LB_MAGLEV:
		return service_slot_backend(table, hash_tuple(tuple) % *count);
	case LB_LEAST_CONNECTIONS:
		return service_least_of_two(table, *count);
	default:
		return service_slot_backend(table, service_rr_next(service) % *count);
	}
}
