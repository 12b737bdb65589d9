/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Counters and events. Nothing here can change a packet's fate. */
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

static __always_inline void count_traffic(const struct lb_flow *flow, __u64 bytes)
{
	__u32 service = flow->service, backend = flow->backend;

	count_add(bpf_map_lookup_elem(&service_traffic, &service), flow->direction, bytes);
	count_add(bpf_map_lookup_elem(&backend_traffic, &backend), flow->direction, bytes);
}

/*
 * Reserves room for an event in the ring buffer. Returns NULL when the buffer
 * is full.
 *
 * The caller compares the result with NULL once, and counts the loss: before
 * Linux 6.4 the verifier forgets that a record is not NULL, and follows a second
 * comparison into a branch that does not release the record.
 */
static __always_inline struct lb_event *event_reserve(void)
{
	return bpf_ringbuf_reserve(&events, sizeof(struct lb_event), 0);
}

static __always_inline void event_count_lost(void)
{
	__u32 zero = 0;
	__u64 *lost = bpf_map_lookup_elem(&events_lost, &zero);

	if (lost)
		(*lost)++;
}

/*
 * Sets the fields that every event has, and clears the others. A function of its
 * own so that the object's BTF, which keeps the types of functions and maps,
 * describes the event.
 */
static __noinline void event_init(struct lb_event *event, enum lb_event_type type,
				  const struct lb_tuple *before, const struct lb_tuple *after)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->type = type;
	event->before = *before;
	event->after = *after;
	event->service = LB_NO_ID;
	event->backend = LB_NO_ID;
}

/* Hands an event over. Waking who reads takes as long as opening a flow does: the reader comes by itself. */
static __always_inline void event_submit(struct lb_event *event)
{
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

static __always_inline void event_flow_opened(const struct lb_tuple *client,
					      const struct lb_flow *flow)
{
	struct lb_event *event;

	if (settings.event_level < LB_EVENTS_FLOWS)
		return;
	event = event_reserve();
	if (!event) {
		event_count_lost();
		return;
	}
	event_init(event, LB_EVENT_OPENED, client, &flow->rewritten);
	event->service = flow->service;
	event->backend = flow->backend;
	event_submit(event);
}

/* `forward` leads to the backend, `reply` to the client; in mode dsr that is NULL. */
static __always_inline void event_flow_closed(const struct lb_tuple *client,
					      const struct lb_flow *forward,
					      const struct lb_flow *reply)
{
	struct lb_event *event;

	if (settings.event_level < LB_EVENTS_FLOWS)
		return;
	event = event_reserve();
	if (!event) {
		event_count_lost();
		return;
	}
	event_init(event, LB_EVENT_CLOSED, client, &forward->rewritten);
	event->service = forward->service;
	event->backend = forward->backend;
	event->duration_ns = event->time_ns - forward->opened_ns;
	event->packets = forward->packets + (reply ? reply->packets : 0);
	event->bytes = forward->bytes + (reply ? reply->bytes : 0);
	event_submit(event);
}

static __always_inline void event_packet_refused(const struct packet *pkt, __u32 service,
						 enum lb_reason reason)
{
	struct lb_event *event;

	if (settings.event_level < LB_EVENTS_FLOWS)
		return;
	event = event_reserve();
	if (!event) {
		event_count_lost();
		return;
	}
	event_init(event, LB_EVENT_REFUSED, &pkt->tuple, &pkt->tuple);
	event->service = service;
	event->reason = reason;
	event_submit(event);
}

static __always_inline void event_packet_forwarded(const struct packet *pkt,
						   const struct lb_flow *flow)
{
	struct lb_event *event;

	if (settings.event_level < LB_EVENTS_PACKETS)
		return;
	event = event_reserve();
	if (!event) {
		event_count_lost();
		return;
	}
	event_init(event, LB_EVENT_PACKET, &pkt->tuple, &flow->rewritten);
	event->service = flow->service;
	event->backend = flow->backend;
	event->packets = 1;
	event->bytes = pkt->l3_length;
	event_submit(event);
}
