/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Events for user space. They never decide about a packet: if the ring buffer is full, the loss is counted. */
#pragma once

#include "maps.h"
#include "types.h"

/*
 * Socket programs count here too, and a packet program may interrupt them: each
 * counter changes by one atomic instruction.
 */
static __always_inline void event_count_lost(void)
{
	__u32 zero = 0;
	__u64 *lost = bpf_map_lookup_elem(&events_lost, &zero);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

static __always_inline void event_count_suppressed(__u32 type)
{
	__u64 *suppressed = bpf_map_lookup_elem(&events_suppressed, &type);

	if (suppressed)
		__sync_fetch_and_add(suppressed, 1);
}

/*
 * Takes one event of a type from the budget, whose burst is one second's events.
 * Returns false if it is used up. CPUs that take at once may each get the same
 * one: no lock is worth that few.
 */
static __always_inline bool event_limit_take(__u32 type)
{
	__u64 now = bpf_ktime_get_coarse_ns(), interval, due;
	__u64 *next = bpf_map_lookup_elem(&events_due_ns, &type);

	if (!settings.events_per_second)
		return true;
	if (!next)
		return false;
	interval = NS_PER_SECOND / settings.events_per_second;
	due = *(volatile __u64 *)next;
	if (due < now)
		due = now;
	if (due - now > NS_PER_SECOND - interval)
		return false;
	*(volatile __u64 *)next = due + interval;
	return true;
}

/*
 * Fills a reserved event: `values`, then the fields that every event has. It is
 * no inline function so that the object's BTF, which keeps the types of functions
 * and maps, describes struct lb_event.
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

/* The fields of an event beside its time, type and tuples. */
struct event_values {
	enum lb_reason reason;
	__u32 service;
	__u32 backend;
	__u64 opened_ns; /* the flow's; 0: the event has no duration */
	__u64 packets;
	__u64 bytes;
};

/*
 * Sends an event of `level`, or counts it if it is beyond the limit or lost. The
 * reader is not woken up, as that costs as much as opening a flow: it polls.
 *
 * The reserved record is compared with NULL once only: before Linux 6.4 the
 * verifier forgets the result, and would follow a second comparison into a branch
 * that does not release the record.
 */
static __always_inline void event_send(enum lb_event_level level, enum lb_event_type type,
				       const struct lb_tuple *before, const struct lb_tuple *after,
				       const struct event_values values)
{
	struct lb_event *event;

	if (settings.event_level < level)
		return;
	if (!event_limit_take(type)) {
		event_count_suppressed(type);
		return;
	}
	event = bpf_ringbuf_reserve(&events, sizeof(struct lb_event), 0);
	if (!event) {
		event_count_lost();
		return;
	}
	event_init(event, type, before, after);
	event->reason = values.reason;
	event->service = values.service;
	event->backend = values.backend;
	event->duration_ns = values.opened_ns ? event->time_ns - values.opened_ns : 0;
	event->packets = values.packets;
	event->bytes = values.bytes;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

static __always_inline void event_flow_opened(const struct lb_tuple *client,
					      const struct lb_flow *flow)
{
	event_send(LB_EVENTS_FLOWS, LB_EVENT_OPENED, client, &flow->rewritten,
		   (struct event_values){
			   .service = flow->service,
			   .backend = flow->backend,
		   });
}

/* `reply` is NULL in mode dsr. */
static __always_inline void event_flow_closed(const struct lb_tuple *client,
					      const struct lb_flow *forward,
					      const struct lb_flow *reply)
{
	event_send(LB_EVENTS_FLOWS, LB_EVENT_CLOSED, client, &forward->rewritten,
		   (struct event_values){
			   .service = forward->service,
			   .backend = forward->backend,
			   .opened_ns = forward->opened_ns,
			   .packets = forward->packets + (reply ? reply->packets : 0),
			   .bytes = forward->bytes + (reply ? reply->bytes : 0),
		   });
}

/*
 * Refusals have many places, and are rare: one copy. `flow` is the flow that did
 * not open, and names the backend; NULL if none was selected.
 */
static __noinline void event_refused(const struct lb_tuple *client, const struct lb_flow *flow,
				     __u32 service, enum lb_reason reason)
{
	event_send(LB_EVENTS_FLOWS, LB_EVENT_REFUSED, client, flow ? &flow->rewritten : client,
		   (struct event_values){
			   .reason = reason,
			   .service = service,
			   .backend = flow ? flow->backend : LB_NO_ID,
		   });
}

static __always_inline void event_packet_forwarded(const struct packet *pkt,
						   const struct lb_flow *flow)
{
	event_send(LB_EVENTS_PACKETS, LB_EVENT_PACKET, &pkt->tuple, &flow->rewritten,
		   (struct event_values){
			   .service = flow->service,
			   .backend = flow->backend,
			   .packets = 1,
			   .bytes = pkt->l3_length,
		   });
}
