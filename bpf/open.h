/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The opening of a flow by a packet that has none:
 *
 * 1. Look up the service, check that the packet may open a flow.
 * 2. Select a backend; resolve its next hop; select the source address.
 * 3. Reserve a SNAT port.
 * 4. Forward the packet; insert the flow once it is complete.
 */
#pragma once

#include "address.h"
#include "ctx.h"
#include "dsr.h"
#include "fib.h"
#include "flow_end.h"
#include "flow_open.h"
#include "forward.h"
#include "maps.h"
#include "nexthop.h"
#include "pkt.h"
#include "pkt_ctx.h"
#include "refuse.h"
#include "reverse_path.h"
#include "service.h"
#include "snat.h"
#include "tunnel.h"
#include "types.h"

/*
 * Returns true if a packet without a flow may restore one. With a consistent
 * algorithm the packet's tuple selects the backend again: the state was evicted,
 * or the flow was another balancer's.
 */
static __always_inline bool open_may_resume(const struct packet *pkt,
					    const struct lb_service *service)
{
	return service_is_consistent(service) && pkt->fragment != FRAGMENT_LATER &&
	       !(pkt->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_RST));
}

/* Fills pctx->new_flow with a flow to a backend. Its SNAT port is still the client's. */
static __always_inline void open_prepare(struct pkt_ctx *pctx, const struct lb_service *service,
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
		flow->rewritten.src = service->nat_source == LB_NAT_SOURCE_ADDRESS ?
					      service->nat_address :
					      pkt->tuple.dst;
		flow->rewritten.dport = backend->port ?: pkt->tuple.dport;
	} else if (tunnel_applies(flow)) {
		__builtin_memset(&flow->rewritten.src, 0, sizeof(flow->rewritten.src));
		flow->rewritten.sport = tunnel_source_port(&pkt->tuple);
	}
	pctx->new_flow.fib_key = flow->rewritten;
}

/* Selects the source address of a new flow, in modes nat and tunnel. Returns false if there is none. */
static __always_inline bool open_select_address(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						enum lb_nat_source source)
{
	struct lb_flow *flow = &pctx->new_flow.flow;

	if (flow->mode == LB_NAT)
		return snat_select_address(ctx, pctx->fib.nexthop.ifindex, source,
					   &flow->rewritten);
	if (!tunnel_applies(flow))
		return true;
	if (!tunnel_select_source(ctx, pctx->fib.nexthop.ifindex, &flow->rewritten))
		return false;
	/* The source was unknown at the look-up, which stays valid. */
	pctx->new_flow.fib_key.src = flow->rewritten.src;
	return true;
}

/* Resolves the next hop of a new flow, and selects its source address. */
static __always_inline enum lb_reason open_route(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						 enum lb_nat_source source)
{
	struct lb_flow *flow = &pctx->new_flow.flow;
	enum lb_reason reason = nexthop_lookup(ctx, &pctx->pkt, flow, &pctx->fib);

	/* A new flow is refused. A packet of an existing flow is dropped instead: its route may return. */
	if (reason == LB_DROP_NO_ROUTE)
		return refuse_packet(&pctx->pkt, flow, flow->service, LB_REFUSE_NO_ROUTE);
	if (!reason && !open_select_address(ctx, pctx, source))
		return refuse_packet(&pctx->pkt, flow, flow->service, LB_REFUSE_NO_SOURCE);
	reverse_path_bind(flow, pctx->fib.nexthop.ifindex);
	return reason;
}

/*
 * Prepares pctx->new_flow, a flow to a backend. Returns LB_CONTINUE or why the
 * packet opens no flow.
 */
static __always_inline enum lb_reason open_to_backend(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						      const struct lb_service *service, __u32 id)
{
	struct lb_backend *backend = bpf_map_lookup_elem(&backends, &id);
	const struct packet *pkt = &pctx->pkt;
	enum lb_reason reason;

	if (!backend || lb_address_is_zero(&backend->address))
		return refuse_packet(pkt, NULL, service->id, LB_REFUSE_NO_BACKEND);
	open_prepare(pctx, service, id, backend);
	reason = open_route(ctx, pctx, service->nat_source);
	if (reason)
		return reason;
	if (service->mode != LB_NAT)
		flow_prepare_direct(&pkt->tuple, &pctx->new_flow);
	else
		flow_prepare_reply(&pkt->tuple, &pctx->new_flow);
	return LB_CONTINUE;
}

/*
 * Prepares pctx->new_flow, a flow of a service. `known` is the flow that it replaces,
 * or NULL: that one stays if the packet is refused because no backend is up. Returns
 * LB_CONTINUE or why the packet opens no flow.
 */
static __always_inline enum lb_reason open_select_backend(struct lb_ctx *ctx, struct pkt_ctx *pctx,
							  const struct lb_service *service,
							  struct lb_flow *known)
{
	const struct packet *pkt = &pctx->pkt;
	enum lb_reason reason;
	__u32 id;

	if (!pkt_opens_flow(pkt) && !open_may_resume(pkt, service))
		return refuse_packet(pkt, NULL, service->id, LB_REFUSE_UNKNOWN_FLOW);
	/* A packet that cannot leave takes no round-robin position. */
	if (pkt->ttl <= 1 && service->mode != LB_DSR)
		return LB_DROP_TTL;
	id = service_select_backend(service, &pkt->tuple);
	if (known && id != LB_NO_ID)
		flow_replace(&pkt->tuple, known);
	reason = open_to_backend(ctx, pctx, service, id);
	/* The program behind this one takes the position again. */
	if (reason && !CTX_IS_LAST && id != LB_NO_ID)
		service_rr_give_back(service);
	return reason;
}

/* Returns true if the packet's source is no client's address, or the service's own. The stack drops such packets. */
static __always_inline bool open_is_martian(const struct lb_tuple *tuple)
{
	return lb_address_is_martian(&tuple->src) || lb_address_equals(&tuple->src, &tuple->dst);
}

/*
 * Prepares pctx->new_flow for a packet without a flow, or in place of `known`
 * (flow_reopens), which is NULL otherwise. Returns LB_CONTINUE or why the packet
 * opens no flow. It is a function of its own so that the verifier follows it once,
 * not once per table that `known` may be in.
 */
lb_global enum lb_reason open_admit(struct lb_ctx *ctx, struct lb_flow *known)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	struct lb_service *service;

	if (!pctx)
		return LB_PASS_NO_SERVICE;
	service = service_lookup(&pctx->pkt.tuple);
	if (!service)
		return LB_PASS_NO_SERVICE;
	if (open_is_martian(&pctx->pkt.tuple))
		return LB_PASS_MARTIAN;
	return open_select_backend(ctx, pctx, service, known);
}

/* Refuses a client for whom there is no port. The program behind this one takes the round-robin position again. */
static __always_inline enum lb_reason open_refuse_without_port(const struct pkt_ctx *pctx)
{
	const struct lb_service *service = service_lookup(&pctx->pkt.tuple);

	if (service && !CTX_IS_LAST)
		service_rr_give_back(service);
	return refuse_packet(&pctx->pkt, &pctx->new_flow.flow, pctx->new_flow.flow.service,
			     LB_REFUSE_NO_PORT);
}

/*
 * Opens the flow that open_admit() has prepared, and forwards its packet. `reserved` is
 * what snat_reserve_port() returned in mode nat. Returns LB_CONTINUE if the packet is to
 * be forwarded by forward_by_entry(): it is none of pkt_opens_flow(), or its client
 * has another flow by now.
 */
lb_global enum lb_reason open_forward_first(struct lb_ctx *ctx, __u32 reserved)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	struct new_flow *new_flow;

	if (!pctx)
		return LB_REFUSE_NO_FLOW;
	new_flow = &pctx->new_flow;
	if (!dsr_is_direct(&new_flow->flow)) {
		flow_prepare_forward(&pctx->pkt.tuple, new_flow, reserved);
		if (!reserved)
			return open_refuse_without_port(pctx);
	}
	/* The look-up is valid unless SNAT changed the port or the address: routes may depend on both. */
	pctx->fib.fib_done = lb_tuple_equals(&new_flow->flow.rewritten, &new_flow->fib_key);
	if (pkt_opens_flow(&pctx->pkt))
		return forward_packet(ctx, pctx, &new_flow->flow, flow_now(), true);
	flow_open(&pctx->pkt.tuple, new_flow);
	return LB_CONTINUE;
}

/*
 * Forwards a packet without a flow, or with one that it replaces. The three steps stand
 * beside each other, not one inside the other: their frames share the 512 bytes of stack.
 */
static __always_inline enum lb_reason open_forward(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						   struct lb_flow *known)
{
	enum lb_reason reason = open_admit(ctx, known);
	__u32 reserved = SNAT_NOT_RESERVED;

	if (reason)
		return reason;
	if (!dsr_is_direct(&pctx->new_flow.flow))
		reserved = snat_reserve_port(ctx);
	return open_forward_first(ctx, reserved) ?: forward_by_entry(ctx);
}
