/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The walk of a packet. This file decides; the context applies. It knows no
 * hook: what differs between them stands in ctx_tc.h and ctx_xdp.h.
 */
#pragma once

#include "flow.h"
#include "frag.h"
#include "icmp.h"
#include "icmp_error.h"
#include "maps.h"
#include "fib.h"
#include "parse.h"
#include "port_filter.h"
#include "rewrite.h"
#include "service.h"
#include "snat.h"
#include "telemetry.h"
#include "types.h"
#include "pkt_ctx.h"

/*
 * A refusal is final in the last program that sees a packet, which reports it.
 * Any other leaves it to that one, so that no packet is refused twice.
 */
static __always_inline enum lb_reason lb_refuse(const struct packet *pkt, __u32 service,
						enum lb_reason reason)
{
	if (!CTX_IS_LAST)
		return LB_PASS_TO_TC;
	event_packet_refused(pkt, service, reason);
	return reason;
}

/* Asks for the way that a flow's packet is to take; undecided when there is one. */
static __always_inline enum lb_reason fib_lookup_flow(struct lb_ctx *ctx, const struct packet *pkt,
						      const struct lb_flow *flow,
						      struct fib_result *fib)
{
	enum lb_reason reason;

	reason = fib_lookup(ctx, &flow->rewritten, ctx_leaving_size(ctx, pkt), fib);
	if (!reason && dsr_applies(flow) && !dsr_can_reach(flow, fib))
		return LB_DROP_NO_ROUTE;
	return reason;
}

/* Finds the way to where a flow's packets go; undecided when the packet can take it. */
static __always_inline enum lb_reason nexthop_resolve(struct lb_ctx *ctx, struct packet *pkt,
						      struct lb_flow *flow, __u64 now,
						      struct fib_result *fib)
{
	/* The first packet each way, and each SYN, has the kernel revalidate an old neighbour. */
	bool revalidates = CTX_IS_LAST && (flow->packets == 0 || pkt->tcp_flags & TCP_FLAG_SYN);
	enum lb_reason reason;

	if (!ctx_can_rewrite(ctx, pkt))
		return LB_PASS_TO_TC;
	/* In mode dsr the next one is the last. */
	if (pkt->ttl <= 1 && !dsr_applies(flow))
		return LB_DROP_TTL;
	if (!fib->fib_done && !revalidates &&
	    nexthop_cache_get(flow, now, ctx_leaving_size(ctx, pkt), fib))
		return ctx_can_send(ctx, fib) ? LB_CONTINUE : LB_PASS_TO_TC;
	if (!fib->fib_done) {
		reason = fib_lookup_flow(ctx, pkt, flow, fib);
		if (reason)
			return reason;
	}
	nexthop_cache_put(flow, fib);
	if (!ctx_can_send(ctx, fib))
		return LB_PASS_TO_TC;
	if (revalidates)
		fib->resolved = false;
	return LB_CONTINUE;
}

/* Rewrites a packet of a known flow and says where it goes. */
static __always_inline enum lb_reason lb_forward(struct lb_ctx *ctx, struct packet *pkt,
						 struct lb_flow *flow, __u64 now,
						 struct fib_result *fib)
{
	enum lb_reason reason = nexthop_resolve(ctx, pkt, flow, now, fib);

	if (reason)
		return reason;
	if (!dsr_applies(flow) && !rewrite_packet(ctx, pkt, &flow->rewritten))
		return LB_DROP_REWRITE;

	if (pkt->fragment == FRAGMENT_FIRST)
		frag_track(pkt);
	flow_update(flow, pkt, now);
	count_traffic(flow, pkt->l3_length);
	event_packet_forwarded(pkt, flow);
	return flow->direction == LB_TO_BACKEND ? LB_SENT_TO_BACKEND : LB_SENT_TO_CLIENT;
}

/* Translates an ICMP error that quotes a packet of ours; all other ICMP is the local stack's. */
static __always_inline enum lb_reason lb_forward_icmp(struct lb_ctx *ctx, struct pkt_ctx *pctx)
{
	enum lb_reason reason;
	struct lb_flow *flow;

	__builtin_memset(&pctx->quote, 0, sizeof(pctx->quote));
	if (!icmp_read_quote(ctx, &pctx->pkt, &pctx->quote))
		return LB_PASS_PROTOCOL;
	flow = icmp_find_flow(&pctx->quote);
	if (!flow)
		return LB_PASS_PROTOCOL;
	reason = nexthop_resolve(ctx, &pctx->pkt, flow, bpf_ktime_get_coarse_ns(), &pctx->fib);
	if (reason)
		return reason;
	/* The backend sent what is quoted as it is quoted. */
	if (dsr_applies(flow))
		return LB_SENT_ICMP_ERROR;
	return icmp_rewrite(ctx, &pctx->pkt, &pctx->quote, &flow->rewritten) ? LB_SENT_ICMP_ERROR :
									       LB_DROP_REWRITE;
}

/* A consistent service takes a connection up again whose state was lost, or was another balancer's. */
static __always_inline bool lb_may_resume(const struct packet *pkt,
					  const struct lb_service *service)
{
	return service_is_consistent(service) && pkt->fragment != FRAGMENT_LATER &&
	       !(pkt->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_RST));
}

/* Fills pctx->new_flow for a flow to a backend; its NAT port is still the client's. */
static __always_inline void lb_prepare_flow(struct pkt_ctx *pctx, const struct lb_service *service,
					    __u32 id, const struct lb_backend *backend)
{
	struct lb_flow *flow = &pctx->new_flow.flow;
	const struct packet *pkt = &pctx->pkt;

	__builtin_memset(&pctx->new_flow, 0, sizeof(pctx->new_flow));
	flow->service = service->id;
	flow->backend = id;
	flow->mode = service->mode;
	flow->rewritten = pkt->tuple;
	flow->rewritten.dst = backend->address;
	if (service->mode == LB_NAT) {
		flow->rewritten.src = pkt->tuple.dst;
		flow->rewritten.dport = backend->port ?: pkt->tuple.dport;
	}
	pctx->new_flow.fib_key = flow->rewritten;
}

/* Finds what the new flow's packet needs to leave: a way, and in mode nat a source address. */
static __always_inline enum lb_reason lb_route_flow(struct lb_ctx *ctx, struct pkt_ctx *pctx)
{
	struct lb_flow *flow = &pctx->new_flow.flow;
	enum lb_reason reason = fib_lookup_flow(ctx, &pctx->pkt, flow, &pctx->fib);

	/* What has a flow waits for its route to come back; a reset, or a refusal, would end it. */
	if (reason == LB_DROP_NO_ROUTE)
		return lb_refuse(&pctx->pkt, flow->service, LB_REFUSE_NO_ROUTE);
	if (!reason && flow->mode == LB_NAT &&
	    !snat_select_address(ctx, pctx->fib.nexthop.ifindex, &flow->rewritten))
		return lb_refuse(&pctx->pkt, flow->service, LB_REFUSE_NO_SOURCE);
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
static __always_inline struct lb_flow *lb_open_to(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						  const struct lb_service *service, __u32 id,
						  enum lb_reason *reason)
{
	struct lb_backend *backend = bpf_map_lookup_elem(&backends, &id);
	const struct packet *pkt = &pctx->pkt;
	struct lb_flow *opened;

	if (!backend || lb_address_is_zero(&backend->address)) {
		*reason = lb_refuse(pkt, service->id, LB_REFUSE_NO_BACKEND);
		return NULL;
	}
	lb_prepare_flow(pctx, service, id, backend);
	*reason = lb_route_flow(ctx, pctx);
	if (*reason)
		return NULL;
	*reason = LB_REFUSE_NO_FLOW;
	opened = service->mode == LB_DSR ? flow_open_dsr(&pkt->tuple, &pctx->new_flow.flow) :
					   flow_open(ctx, &pkt->tuple, &pctx->new_flow, reason);
	pctx->fib.fib_done = opened && lb_tuple_equals(&opened->rewritten, &pctx->new_flow.fib_key);
	if (!opened)
		*reason = lb_refuse(pkt, service->id, *reason);
	return opened;
}

/* Opens a flow for the first packet of one. Returns NULL, and sets *reason, if it cannot. */
static __always_inline struct lb_flow *lb_open(struct lb_ctx *ctx, struct pkt_ctx *pctx,
					       const struct lb_service *service,
					       enum lb_reason *reason)
{
	const struct packet *pkt = &pctx->pkt;
	struct lb_flow *opened;
	__u32 id;

	if (!pkt_opens_flow(pkt) && !lb_may_resume(pkt, service)) {
		*reason = lb_refuse(pkt, service->id, LB_REFUSE_UNKNOWN_FLOW);
		return NULL;
	}
	/* What can go no further takes no turn. In mode dsr the next one is the last. */
	*reason = LB_DROP_TTL;
	if (pkt->ttl <= 1 && service->mode == LB_NAT)
		return NULL;
	id = service_select_backend(service, &pkt->tuple);
	opened = lb_open_to(ctx, pctx, service, id, reason);
	/* The program that it is left to takes the turn. */
	if (!opened && !CTX_IS_LAST && id != LB_NO_ID)
		service_rr_give_back(service);
	return opened;
}

/*
 * Opens a flow for a packet that no living flow knows; `known` is the one that it
 * replaces, or NULL. Returns NULL, and sets *reason, if it cannot.
 */
static __always_inline struct lb_flow *lb_admit(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						struct lb_flow *known, enum lb_reason *reason)
{
	struct lb_service *service = service_lookup(&pctx->pkt.tuple);

	*reason = LB_PASS_NO_SERVICE;
	if (!service)
		return NULL;
	if (known)
		flow_replace(&pctx->pkt.tuple, known);
	return lb_open(ctx, pctx, service, reason);
}

static __always_inline enum lb_reason lb_process(struct lb_ctx *ctx, struct pkt_ctx *pctx)
{
	struct packet *pkt = &pctx->pkt;
	enum lb_reason reason;
	struct lb_flow *flow;
	__u64 now;

	reason = parse_packet(ctx, pkt);
	if (reason)
		return reason;
	if (pkt_is_icmp(pkt))
		return pkt->fragment ? LB_PASS_FRAGMENT : lb_forward_icmp(ctx, pctx);
	if (pkt->fragment == FRAGMENT_LATER) {
		if (!frag_lookup(pkt))
			return LB_PASS_FRAGMENT;
	} else if (!port_filter_match(&pkt->tuple)) {
		return LB_PASS_NO_SERVICE;
	}

	now = bpf_ktime_get_coarse_ns();
	flow = flow_find(pkt, now);
	if (!flow || tcp_reopens(flow, pkt)) {
		flow = lb_admit(ctx, pctx, flow, &reason);
		if (!flow)
			return reason;
	}
	return lb_forward(ctx, pkt, flow, now, &pctx->fib);
}

/* One packet in, one verdict out, one reason counted. */
static __always_inline int lb_main(struct lb_ctx *ctx)
{
	enum lb_reason reason;
	struct pkt_ctx *pctx = pkt_ctx_get();

	if (!pctx)
		return CTX_PASS;
	__builtin_memset(&pctx->pkt, 0, sizeof(pctx->pkt));
	pctx->fib.fib_done = false;
	reason = lb_process(ctx, pctx);
	if (icmp_is_due(reason))
		reason = icmp_answer(ctx, &pctx->pkt, &pctx->fib, reason);
	count_reason(reason);
	lb_debug("reason %d ifindex %d", reason, ctx_ingress(ctx));
	switch (reason) {
	case LB_SENT_TO_BACKEND:
	case LB_SENT_TO_CLIENT:
	case LB_SENT_ICMP_ERROR:
	case LB_SENT_TIME_EXCEEDED:
	case LB_SENT_TOO_BIG:
	case LB_SENT_UNREACHABLE:
		return ctx_send(ctx, &pctx->fib);
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
