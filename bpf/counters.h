/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Counters by reason, service and backend. They never decide about a packet. */
#pragma once

#include "maps.h"
#include "types.h"

static __always_inline void count_reason(enum lb_reason reason)
{
	__u32 key = reason;
	__u64 *count = bpf_map_lookup_elem(&reasons, &key);

	if (count)
		(*count)++;
}

/* Counts a new flow for its service and its backend. */
static __always_inline void count_opened(const struct lb_flow *flow)
{
	__u32 service = flow->service, backend = flow->backend;
	struct lb_traffic *of_service = bpf_map_lookup_elem(&service_traffic, &service);
	struct lb_traffic *of_backend = bpf_map_lookup_elem(&backend_traffic, &backend);

	if (of_service)
		of_service->flows++;
	if (of_backend)
		of_backend->flows++;
}

/* Adds `change` to a backend's active flows. All CPUs share the counter. */
static __always_inline void count_active_flow(__u32 backend, __s64 change)
{
	__s64 *count = bpf_map_lookup_elem(&active_flows, &backend);

	if (count)
		__sync_fetch_and_add(count, change);
}

static __always_inline void count_add(struct lb_traffic *traffic, __u32 direction, __u64 bytes)
{
	if (!traffic)
		return;
	if (direction == LB_TO_BACKEND) {
		traffic->to_backend_packets++;
		traffic->to_backend_bytes += bytes;
	} else {
		traffic->to_client_packets++;
		traffic->to_client_bytes += bytes;
	}
}

/* Counts a forwarded packet for the flow's service and backend; `bytes` is the IP packet's size. */
static __always_inline void count_traffic(const struct lb_flow *flow, __u64 bytes)
{
	__u32 service = flow->service, backend = flow->backend;

	count_add(bpf_map_lookup_elem(&service_traffic, &service), flow->direction, bytes);
	count_add(bpf_map_lookup_elem(&backend_traffic, &backend), flow->direction, bytes);
}
