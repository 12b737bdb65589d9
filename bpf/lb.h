/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The walk of a packet. This file decides; the context applies. It knows no
 * hook: what differs between them stands in ctx_tc.h and ctx_xdp.h.
 */
#pragma once

#include "flow.h"
#include "fragment.h"
#include "icmp.h"
#include "icmp_error.h"
#include "maps.h"
#include "nexthop.h"
#include "packet.h"
#include "ports.h"
#include "rewrite.h"
#include "service.h"
#include "source.h"
#include "telemetry.h"
#include "types.h"
#include "walk.h"
#include "way.h"

/*
 * A refusal is final in the last program that sees a packet, which reports it.
 * Any other leaves it to that one, so that no packet is refused twice.
 */
static __always_inline enum lb_reason lb_refuse(const struct packet *pkt, __u32 service,
						enum lb_reason reason)
{
	if (!CTX_IS_LAST)
		return LB_PASS_TO_TC;
	lb_report_refused(pkt, service, reason);
	return reason;
}

/* Asks for the way that a flow's packet is to take; undecided when there is one. */
static __always_inline enum lb_reason lb_ask_way(struct lb_ctx *ctx, const struct packet *pkt,
						 const struct lb_flow *flow, struct hop *hop)
{
	enum lb_reason reason;

	reason = lb_next_hop(ctx, &flow->rewritten, ctx_leaving_size(ctx, pkt), hop);
	if (!reason && dsr_has(flow) && !dsr_can_reach(flow, hop))
		return LB_DROP_NO_ROUTE;
	return reason;
}

/* Finds the way to where a flow's packets go; undecided when the packet can take it. */
static __always_inline enum lb_reason lb_find_way(struct lb_ctx *ctx, struct packet *pkt,
						  struct lb_flow *flow, __u64 now, struct hop *hop)
{
	/* The first packet each way, and each SYN, has the kernel revalidate an old neighbour. */
	bool revalidates = CTX_IS_LAST && (flow->packets == 0 || pkt->tcp_flags & TCP_FLAG_SYN);
	enum lb_reason reason;

	if (!ctx_can_rewrite(ctx, pkt))
		return LB_PASS_TO_TC;
	/* In mode dsr the next one is the last. */
	if (pkt->ttl <= 1 && !dsr_has(flow))
		return LB_DROP_TTL;
	if (!hop->asked && !revalidates && way_recall(flow, now, ctx_leaving_size(ctx, pkt), hop))
		return ctx_can_send(ctx, hop) ? LB_UNDECIDED : LB_PASS_TO_TC;
	if (!hop->asked) {
		reason = lb_ask_way(ctx, pkt, flow, hop);
		if (reason)
			return reason;
	}
	way_note(flow, hop);
	if (!ctx_can_send(ctx, hop))
		return LB_PASS_TO_TC;
	if (revalidates)
		hop->resolved = false;
	return LB_UNDECIDED;
}

/* Rewrites a packet of a known flow and says where it goes. */
static __always_inline enum lb_reason lb_forward(struct lb_ctx *ctx, struct packet *pkt,
						 struct lb_flow *flow, __u64 now, struct hop *hop)
{
	enum lb_reason reason = lb_find_way(ctx, pkt, flow, now, hop);

	if (reason)
		return reason;
	if (!dsr_has(flow) && !lb_rewrite(ctx, pkt, &flow->rewritten))
		return LB_DROP_REWRITE;

	if (pkt->fragment == FRAGMENT_FIRST)
		fragment_note(pkt);
	flow_update(flow, pkt, now);
	lb_count_traffic(flow, pkt->l3_length);
	lb_report_packet(pkt, flow);
	return flow->direction == LB_TO_BACKEND ? LB_SENT_TO_BACKEND : LB_SENT_TO_CLIENT;
}

/* Translates an ICMP error that quotes a packet of ours; all other ICMP is the local stack's. */
static __always_inline enum lb_reason lb_forward_icmp(struct lb_ctx *ctx, struct walk *walk)
{
	enum lb_reason reason;
	struct lb_flow *flow;

	__builtin_memset(&walk->quote, 0, sizeof(walk->quote));
	if (!icmp_read_quote(ctx, &walk->pkt, &walk->quote))
		return LB_PASS_PROTOCOL;
	flow = icmp_find_flow(&walk->quote);
	if (!flow)
		return LB_PASS_PROTOCOL;
	reason = lb_find_way(ctx, &walk->pkt, flow, bpf_ktime_get_coarse_ns(), &walk->hop);
	if (reason)
		return reason;
	/* The backend sent what is quoted as it is quoted. */
	if (dsr_has(flow))
		return LB_SENT_ICMP_ERROR;
	return icmp_rewrite(ctx, &walk->pkt, &walk->quote, &flow->rewritten) ? LB_SENT_ICMP_ERROR :
									       LB_DROP_REWRITE;
}

/* A consistent service takes a connection up again whose state was lost, or was another balancer's. */
static __always_inline bool lb_may_resume(const struct packet *pkt,
					  const struct lb_service *service)
{
	return lb_is_consistent(service) && pkt->fragment != FRAGMENT_LATER &&
	       !(pkt->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_RST));
}

/* Fills walk->fresh for a flow to a backend; its NAT port is still the client's. */
static __always_inline void lb_prepare_flow(struct walk *walk, const struct lb_service *service,
					    __u32 id, const struct lb_backend *backend)
{
	struct lb_flow *flow = &walk->fresh.flow;
	const struct packet *pkt = &walk->pkt;

	__builtin_memset(&walk->fresh, 0, sizeof(walk->fresh));
	flow->service = service->id;
	flow->backend = id;
	flow->mode = service->mode;
	flow->rewritten = pkt->tuple;
	flow->rewritten.dst = backend->address;
	if (service->mode == LB_NAT) {
		flow->rewritten.src = pkt->tuple.dst;
		flow->rewritten.dport = backend->port ?: pkt->tuple.dport;
	}
	walk->fresh.asked = flow->rewritten;
}

/* Finds what the new flow's packet needs to leave: a way, and in mode nat a source address. */
static __always_inline enum lb_reason lb_find_exit(struct lb_ctx *ctx, struct walk *walk)
{
	struct lb_flow *flow = &walk->fresh.flow;
	enum lb_reason reason = lb_ask_way(ctx, &walk->pkt, flow, &walk->hop);

	/* What has a flow waits for its route to come back; a reset, or a refusal, would end it. */
	if (reason == LB_DROP_NO_ROUTE)
		return lb_refuse(&walk->pkt, flow->service, LB_REFUSE_NO_ROUTE);
	if (!reason && flow->mode == LB_NAT &&
	    !lb_choose_source(ctx, walk->hop.way.ifindex, &flow->rewritten))
		return lb_refuse(&walk->pkt, flow->service, LB_REFUSE_NO_SOURCE);
	return reason;
}

/*
 * Opens a flow to a backend, if there is a way to it for this packet; the
 * flow's NAT port may still change the way. Returns NULL, and sets *reason, if
 * no flow was opened.
 *
 * Here and in the callers the flow itself says whether there is one. Before
 * Linux 6.8 the verifier does not remember that a reason is not zero, so it
 * would follow a NULL flow to where the reason is zero.
 */
static __always_inline struct lb_flow *lb_open_to(struct lb_ctx *ctx, struct walk *walk,
						  const struct lb_service *service, __u32 id,
						  enum lb_reason *reason)
{
	struct lb_backend *backend = bpf_map_lookup_elem(&backends, &id);
	const struct packet *pkt = &walk->pkt;
	struct lb_flow *opened;

	if (!backend || lb_address_is_zero(&backend->address)) {
		*reason = lb_refuse(pkt, service->id, LB_REFUSE_NO_BACKEND);
		return NULL;
	}
	lb_prepare_flow(walk, service, id, backend);
	*reason = lb_find_exit(ctx, walk);
	if (*reason)
		return NULL;
	*reason = LB_REFUSE_NO_FLOW;
	opened = service->mode == LB_DSR ? flow_open_dsr(&pkt->tuple, &walk->fresh.flow) :
					   flow_open(ctx, &pkt->tuple, &walk->fresh, reason);
	walk->hop.asked = opened && lb_tuple_equals(&opened->rewritten, &walk->fresh.asked);
	if (!opened)
		*reason = lb_refuse(pkt, service->id, *reason);
	return opened;
}

/* Opens a flow for the first packet of one. Returns NULL, and sets *reason, if it cannot. */
static __always_inline struct lb_flow *lb_open(struct lb_ctx *ctx, struct walk *walk,
					       const struct lb_service *service,
					       enum lb_reason *reason)
{
	const struct packet *pkt = &walk->pkt;
	struct lb_flow *opened;
	__u32 id;

	if (!lb_packet_opens(pkt) && !lb_may_resume(pkt, service)) {
		*reason = lb_refuse(pkt, service->id, LB_REFUSE_UNKNOWN_FLOW);
		return NULL;
	}
	/* What can go no further takes no turn. In mode dsr the next one is the last. */
	*reason = LB_DROP_TTL;
	if (pkt->ttl <= 1 && service->mode == LB_NAT)
		return NULL;
	id = lb_select_backend(service, &pkt->tuple);
	opened = lb_open_to(ctx, walk, service, id, reason);
	/* The program that it is left to takes the turn. */
	if (!opened && !CTX_IS_LAST && id != LB_NO_ID)
		lb_return_turn(service);
	return opened;
}

/*
 * Opens a flow for a packet that no living flow knows; `known` is the one that it
 * replaces, or NULL. Returns NULL, and sets *reason, if it cannot.
 */
static __always_inline struct lb_flow *lb_admit(struct lb_ctx *ctx, struct walk *walk,
						struct lb_flow *known, enum lb_reason *reason)
{
	struct lb_service *service = lb_find_service(&walk->pkt.tuple);

	*reason = LB_PASS_NO_SERVICE;
	if (!service)
		return NULL;
	if (known)
		flow_replace(&walk->pkt.tuple, known);
	return lb_open(ctx, walk, service, reason);
}

static __always_inline enum lb_reason lb_decide(struct lb_ctx *ctx, struct walk *walk)
{
	struct packet *pkt = &walk->pkt;
	enum lb_reason reason;
	struct lb_flow *flow;
	__u64 now;

	reason = lb_parse(ctx, pkt);
	if (reason)
		return reason;
	if (lb_is_icmp(pkt))
		return pkt->fragment ? LB_PASS_FRAGMENT : lb_forward_icmp(ctx, walk);
	if (pkt->fragment == FRAGMENT_LATER) {
		if (!fragment_recall(pkt))
			return LB_PASS_FRAGMENT;
	} else if (!ports_concern(&pkt->tuple)) {
		return LB_PASS_NO_SERVICE;
	}

	now = bpf_ktime_get_coarse_ns();
	flow = flow_find(pkt, now);
	if (!flow || tcp_reopens(flow, pkt)) {
		flow = lb_admit(ctx, walk, flow, &reason);
		if (!flow)
			return reason;
	}
	return lb_forward(ctx, pkt, flow, now, &walk->hop);
}

/* One packet in, one verdict out, one reason counted. */
static __always_inline int lb_main(struct lb_ctx *ctx)
{
	enum lb_reason reason;
	struct walk *walk = walk_get();

	if (!walk)
		return CTX_PASS;
	__builtin_memset(&walk->pkt, 0, sizeof(walk->pkt));
	walk->hop.asked = false;
	reason = lb_decide(ctx, walk);
	if (icmp_is_due(reason))
		reason = icmp_answer(ctx, &walk->pkt, &walk->hop, reason);
	lb_count_reason(reason);
	lb_debug("reason %d ifindex %d", reason, ctx_ingress(ctx));
	switch (reason) {
	case LB_SENT_TO_BACKEND:
	case LB_SENT_TO_CLIENT:
	case LB_SENT_ICMP_ERROR:
	case LB_SENT_TIME_EXCEEDED:
	case LB_SENT_TOO_BIG:
	case LB_SENT_UNREACHABLE:
		return ctx_send(ctx, &walk->hop);
	case LB_DROP_TTL:
	case LB_DROP_TOO_BIG:
	case LB_DROP_NO_ROUTE:
	case LB_DROP_ICMP_LIMIT:
	case LB_DROP_REWRITE:
		return CTX_DROP;
	default:
		return CTX_PASS;
	}
}
