/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The packet path. This file decides, the context applies. It knows no hook:
 * ctx.h and ctx_csum.h name what differs between them.
 *
 * 1. Parse the packet; resolve later fragments; ICMP errors branch off.
 * 2. Pass what the port filter or the address filter does not match.
 * 3. Look up the flow.
 * 4. If there is none: look up the service, check that the packet may open a
 *    flow, select a backend, reserve a SNAT port, insert the flow.
 * 5. Resolve the next hop.
 * 6. Rewrite or encapsulate, count, send.
 *
 * Every function returns LB_CONTINUE or the packet's reason.
 */
#pragma once

#include "address.h"
#include "address_filter.h"
#include "counters.h"
#include "ctx.h"
#include "ctx_csum.h"
#include "dsr.h"
#include "events.h"
#include "fib.h"
#include "flow.h"
#include "frag.h"
#include "icmp.h"
#include "icmp_error.h"
#include "maps.h"
#include "parse.h"
#include "pkt.h"
#include "pkt_ctx.h"
#include "port_filter.h"
#include "reverse_path.h"
#include "rewrite.h"
#include "service.h"
#include "snat.h"
#include "tunnel.h"
#include "tunnel_mss.h"
#include "types.h"

/*
 * Refuses a packet. Only the last program that sees the packet refuses and
 * reports it; another one leaves it to that one. `flow` is the flow that was to
 * be opened; NULL before a backend is selected.
 */
static __always_inline enum lb_reason lb_refuse(const struct packet *pkt,
						const struct lb_flow *flow, __u32 service,
						enum lb_reason reason)
{
	if (!CTX_IS_LAST)
		return LB_PASS_TO_TC;
	event_refused(&pkt->tuple, flow, service, reason);
	return reason;
}

/* Looks up the next hop of a flow's packet; fills *fib. */
static __always_inline enum lb_reason fib_lookup_flow(struct lb_ctx *ctx, const struct packet *pkt,
						      const struct lb_flow *flow,
						      struct fib_result *fib)
{
	enum lb_reason reason;

	__u32 overhead = tunnel_overhead(flow);

	reason = fib_lookup(ctx, &flow->rewritten, ctx_leaving_size(ctx, pkt) + overhead, fib);
	/* The sender is told the MTU for its own packets. */
	if (reason == LB_DROP_TOO_BIG)
		fib->mtu -= overhead;
	if (reason || !dsr_applies(flow))
		return reason;
	if (!dsr_is_on_link(flow, fib))
		return LB_DROP_NO_ROUTE;
	fib->gateway = flow->rewritten.dst;
	fib->routed = true;
	return LB_CONTINUE;
}

/*
 * Resolves the next hop of a flow's packet, from the flow's cache if it is valid;
 * fills *fib. Returns LB_CONTINUE if the packet can be sent there. `now` is in
 * the unit of lb_flow.seen.
 */
static __always_inline enum lb_reason nexthop_resolve(struct lb_ctx *ctx, struct packet *pkt,
						      struct lb_flow *flow, __u32 now,
						      struct fib_result *fib)
{
	/* The first packet in each direction and each SYN go through the kernel, which revalidates a stale neighbour. */
	bool revalidates = CTX_IS_LAST && (flow->packets == 0 || pkt->tcp_flags & TCP_FLAG_SYN);
	enum lb_reason reason;

	ctx_csum_inspect(pkt);
	if (!ctx_can_rewrite(ctx, pkt) || (tunnel_applies(flow) && !ctx_can_tunnel(pkt)))
		return LB_PASS_TO_TC;
	/* In mode dsr the balancer is no router hop. */
	if (pkt->ttl <= 1 && !dsr_applies(flow))
		return LB_DROP_TTL;
	if (!fib->fib_done && !revalidates &&
	    nexthop_cache_get(flow, now, ctx_leaving_size(ctx, pkt) + tunnel_overhead(flow), fib))
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

/*
 * Gives a packet of a flow the addresses and ports that it leaves with, or the
 * outer header of mode tunnel. Returns false if it is too short.
 */
static __always_inline bool lb_rewrite(struct lb_ctx *ctx, struct packet *pkt,
				       const struct lb_flow *flow)
{
	if (dsr_applies(flow))
		return true;
	if (tunnel_applies(flow))
		return tunnel_clamp_mss(ctx, pkt, flow) && tunnel_encapsulate(ctx, pkt, flow);
	if (pkt->fragment && !frag_rewrite_id(ctx, pkt))
		return false;
	return rewrite_packet(ctx, pkt, &flow->rewritten);
}

/*
 * Forwards a packet of a flow: resolves, rewrites, counts. If `opens`, the flow is
 * pctx->new_flow, and is inserted once it is complete: a look-up of what was just
 * inserted costs as much as the insertion (docs/decisions/0031). Returns LB_CONTINUE,
 * and forwards nothing, if it cannot be inserted.
 */
static __always_inline enum lb_reason lb_forward(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						 struct lb_flow *flow, __u32 now, bool opens)
{
	struct packet *pkt = &pctx->pkt;
	enum lb_reason reason;

	if (!opens && !reverse_path_holds(ctx, flow, &pkt->tuple))
		return LB_DROP_REVERSE_PATH;
	reason = nexthop_resolve(ctx, pkt, flow, now, &pctx->fib);
	if (opens) {
		if (!reason)
			flow_begin(flow, pkt, now);
		if (!flow_open(&pkt->tuple, &pctx->new_flow))
			return LB_CONTINUE;
	}
	if (reason)
		return reason;
	if (pkt->fragment == FRAGMENT_FIRST)
		frag_track(pkt);
	if (!lb_rewrite(ctx, pkt, flow))
		return LB_DROP_REWRITE;

	if (!opens)
		flow_update(flow, pkt, now);
	count_traffic(flow, pkt->l3_length);
	event_packet_forwarded(pkt, flow);
	return flow->direction == LB_TO_BACKEND ? LB_SENT_TO_BACKEND : LB_SENT_TO_CLIENT;
}

/*
 * Forwards a packet by the entry that its client has in the tables: the prepared
 * flow's, or that of another CPU, which has opened one meanwhile.
 */
lb_global enum lb_reason lb_forward_by_entry(struct lb_ctx *ctx)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	struct lb_flow *flow;

	if (!pctx)
		return LB_REFUSE_NO_FLOW;
	flow = flow_withdraw(&pctx->pkt.tuple, &pctx->new_flow);
	if (!flow)
		return lb_refuse(&pctx->pkt, &pctx->new_flow.flow, pctx->new_flow.flow.service,
				 LB_REFUSE_NO_FLOW);
	if (!lb_tuple_equals(&flow->rewritten, &pctx->new_flow.fib_key))
		pctx->fib.fib_done = false;
	return lb_forward(ctx, pctx, flow, flow_now(), false);
}

/*
 * Gives an ICMP error the addresses and ports that it leaves with, outside and in its
 * quote, or the outer header of mode tunnel: the quoted packet was not rewritten
 * then. Returns false if it is too short.
 */
static __always_inline bool lb_rewrite_icmp(struct lb_ctx *ctx, struct pkt_ctx *pctx,
					    const struct lb_flow *flow)
{
	if (dsr_applies(flow))
		return true;
	if (tunnel_applies(flow))
		return tunnel_encapsulate(ctx, &pctx->pkt, flow);
	return icmp_rewrite(ctx, &pctx->pkt, &pctx->quote, &flow->rewritten);
}

/* Translates an ICMP error that quotes a packet of a flow. The local stack gets all other ICMP. */
static __always_inline enum lb_reason lb_forward_icmp(struct lb_ctx *ctx, struct pkt_ctx *pctx)
{
	enum lb_reason reason;
	/* Not on the stack, which is full: no flow is opened here. */
	struct lb_tuple *key = &pctx->new_flow.reply_key;
	struct lb_flow *flow;

	__builtin_memset(&pctx->quote, 0, sizeof(pctx->quote));
	if (!icmp_read_quote(ctx, &pctx->pkt, &pctx->quote))
		return LB_PASS_PROTOCOL;
	*key = lb_tuple_reversed(&pctx->quote.tuple);
	flow = flow_lookup(key);
	if (!flow || snat_is_stale_reply(ctx, key, flow))
		return LB_PASS_PROTOCOL;
	if (!reverse_path_holds(ctx, flow, key))
		return LB_DROP_REVERSE_PATH;
	reason = nexthop_resolve(ctx, &pctx->pkt, flow, flow_now(), &pctx->fib);
	if (reason)
		return reason;
	return lb_rewrite_icmp(ctx, pctx, flow) ? LB_SENT_ICMP_ERROR : LB_DROP_REWRITE;
}

/*
 * Returns true if a packet without a flow may restore one. With a consistent
 * algorithm the packet's tuple selects the backend again: the state was evicted,
 * or the flow was another balancer's.
 */
static __always_inline bool lb_may_resume(const struct packet *pkt,
					  const struct lb_service *service)
{
	return service_is_consistent(service) && pkt->fragment != FRAGMENT_LATER &&
	       !(pkt->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_RST));
}

/* Fills pctx->new_flow with a flow to a backend. Its SNAT port is still the client's. */
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
	} else if (tunnel_applies(flow)) {
		__builtin_memset(&flow->rewritten.src, 0, sizeof(flow->rewritten.src));
		flow->rewritten.sport = tunnel_source_port(&pkt->tuple);
	}
	pctx->new_flow.fib_key = flow->rewritten;
}

/* Selects the source address of a new flow, in modes nat and tunnel. Returns false if there is none. */
static __always_inline bool lb_select_address(struct lb_ctx *ctx, struct pkt_ctx *pctx)
{
	struct lb_flow *flow = &pctx->new_flow.flow;

	if (flow->mode == LB_NAT)
		return snat_select_address(ctx, pctx->fib.nexthop.ifindex, &flow->rewritten);
	if (!tunnel_applies(flow))
		return true;
	if (!tunnel_select_source(ctx, pctx->fib.nexthop.ifindex, &flow->rewritten))
		return false;
	/* The source was unknown at the look-up, which stays valid. */
	pctx->new_flow.fib_key.src = flow->rewritten.src;
	return true;
}

/* Resolves the next hop of a new flow, and selects its source address. */
static __always_inline enum lb_reason lb_route_flow(struct lb_ctx *ctx, struct pkt_ctx *pctx)
{
	struct lb_flow *flow = &pctx->new_flow.flow;
	enum lb_reason reason = fib_lookup_flow(ctx, &pctx->pkt, flow, &pctx->fib);

	/* A new flow is refused. A packet of an existing flow is dropped instead: its route may return. */
	if (reason == LB_DROP_NO_ROUTE)
		return lb_refuse(&pctx->pkt, flow, flow->service, LB_REFUSE_NO_ROUTE);
	if (!reason && !lb_select_address(ctx, pctx))
		return lb_refuse(&pctx->pkt, flow, flow->service, LB_REFUSE_NO_SOURCE);
	reverse_path_bind(flow, pctx->fib.nexthop.ifindex);
	return reason;
}

/*
 * Prepares pctx->new_flow, a flow to a backend. Returns LB_CONTINUE or why the
 * packet opens no flow. The result of the FIB look-up is kept for the packet, unless
 * the SNAT port changed the tuple: multipath routing may depend on the port.
 */
static __always_inline enum lb_reason lb_open_to(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						 const struct lb_service *service, __u32 id)
{
	struct lb_backend *backend = bpf_map_lookup_elem(&backends, &id);
	const struct packet *pkt = &pctx->pkt;
	enum lb_reason reason;

	if (!backend || lb_address_is_zero(&backend->address))
		return lb_refuse(pkt, NULL, service->id, LB_REFUSE_NO_BACKEND);
	lb_prepare_flow(pctx, service, id, backend);
	reason = lb_route_flow(ctx, pctx);
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
static __always_inline enum lb_reason lb_open(struct lb_ctx *ctx, struct pkt_ctx *pctx,
					      const struct lb_service *service,
					      struct lb_flow *known)
{
	const struct packet *pkt = &pctx->pkt;
	enum lb_reason reason;
	__u32 id;

	if (!pkt_opens_flow(pkt) && !lb_may_resume(pkt, service))
		return lb_refuse(pkt, NULL, service->id, LB_REFUSE_UNKNOWN_FLOW);
	/* A packet that cannot leave takes no round-robin position. */
	if (pkt->ttl <= 1 && service->mode != LB_DSR)
		return LB_DROP_TTL;
	id = service_select_backend(service, &pkt->tuple);
	if (known && id != LB_NO_ID)
		flow_replace(&pkt->tuple, known);
	reason = lb_open_to(ctx, pctx, service, id);
	/* The program behind this one takes the position again. */
	if (reason && !CTX_IS_LAST && id != LB_NO_ID)
		service_rr_give_back(service);
	return reason;
}

/* Returns true if the packet's source is no client's address, or the service's own. The stack drops such packets. */
static __always_inline bool lb_is_martian(const struct lb_tuple *tuple)
{
	return lb_address_is_martian(&tuple->src) || lb_address_equals(&tuple->src, &tuple->dst);
}

/*
 * Prepares pctx->new_flow for a packet without a flow, or in place of `known`
 * (flow_reopens), which is NULL otherwise. Returns LB_CONTINUE or why the packet
 * opens no flow. It is a function of its own so that the verifier follows it once,
 * not once per table that `known` may be in.
 */
lb_global enum lb_reason lb_admit(struct lb_ctx *ctx, struct lb_flow *known)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	struct lb_service *service;

	if (!pctx)
		return LB_PASS_NO_SERVICE;
	service = service_lookup(&pctx->pkt.tuple);
	if (!service)
		return LB_PASS_NO_SERVICE;
	if (lb_is_martian(&pctx->pkt.tuple))
		return LB_PASS_MARTIAN;
	return lb_open(ctx, pctx, service, known);
}

/* Refuses a client for whom there is no port. The program behind this one takes the round-robin position again. */
static __always_inline enum lb_reason lb_refuse_without_port(const struct pkt_ctx *pctx)
{
	const struct lb_service *service = service_lookup(&pctx->pkt.tuple);

	if (service && !CTX_IS_LAST)
		service_rr_give_back(service);
	return lb_refuse(&pctx->pkt, &pctx->new_flow.flow, pctx->new_flow.flow.service,
			 LB_REFUSE_NO_PORT);
}

/*
 * Opens the flow that lb_admit() has prepared, and forwards its packet. `reserved` is
 * what snat_reserve_port() returned in mode nat. Returns LB_CONTINUE if the packet is to
 * be forwarded by lb_forward_by_entry(): it is none of pkt_opens_flow(), or its client
 * has another flow by now.
 */
lb_global enum lb_reason lb_forward_first(struct lb_ctx *ctx, __u32 reserved)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	struct new_flow *new_flow;

	if (!pctx)
		return LB_REFUSE_NO_FLOW;
	new_flow = &pctx->new_flow;
	if (!dsr_is_direct(&new_flow->flow)) {
		flow_prepare_forward(&pctx->pkt.tuple, new_flow, reserved);
		if (!reserved)
			return lb_refuse_without_port(pctx);
	}
	pctx->fib.fib_done = lb_tuple_equals(&new_flow->flow.rewritten, &new_flow->fib_key);
	if (pkt_opens_flow(&pctx->pkt))
		return lb_forward(ctx, pctx, &new_flow->flow, flow_now(), true);
	flow_open(&pctx->pkt.tuple, new_flow);
	return LB_CONTINUE;
}

/*
 * Forwards a packet without a flow, or with one that it replaces. The three steps stand
 * beside each other, not one inside the other: their frames share the 512 bytes of stack.
 */
static __always_inline enum lb_reason lb_forward_new(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						     struct lb_flow *known)
{
	enum lb_reason reason = lb_admit(ctx, known);
	__u32 reserved = SNAT_NOT_RESERVED;

	if (reason)
		return reason;
	if (!dsr_is_direct(&pctx->new_flow.flow))
		reserved = snat_reserve_port(ctx);
	return lb_forward_first(ctx, reserved) ?: lb_forward_by_entry(ctx);
}

/* Runs the packet path; pctx->fib becomes the next hop of a packet that is sent. */
static __always_inline enum lb_reason lb_process(struct lb_ctx *ctx, struct pkt_ctx *pctx)
{
	struct packet *pkt = &pctx->pkt;
	enum lb_reason reason;
	struct lb_flow *flow;
	__u32 now;

	reason = parse_packet(ctx, pkt);
	if (reason)
		return reason;
	if (pkt_is_icmp(pkt))
		return pkt->fragment ? LB_PASS_FRAGMENT : lb_forward_icmp(ctx, pctx);
	if (pkt->fragment == FRAGMENT_LATER) {
		if (!frag_lookup(pkt))
			return LB_PASS_FRAGMENT;
	} else if (!port_filter_match(&pkt->tuple) || !address_filter_match(&pkt->tuple.dst)) {
		return LB_PASS_NO_SERVICE;
	}

	now = flow_now();
	flow = flow_find(pkt, now);
	if (flow && snat_is_stale_reply(ctx, &pkt->tuple, flow))
		return LB_PASS_NO_SERVICE;
	if (!flow || flow_reopens(flow, pkt, now))
		return lb_forward_new(ctx, pctx, flow);
	return lb_forward(ctx, pctx, flow, now, false);
}

/*
 * Returns the program's verdict, by the range of the packet's reason. A reason
 * outside the known ranges fails TheMirrorIsTheHeader.
 */
static __always_inline int lb_verdict(struct lb_ctx *ctx, const struct packet *pkt,
				      const struct fib_result *fib, enum lb_reason reason)
{
	switch (reason / LB_REASON_RANGE) {
	case LB_SENT_TO_BACKEND / LB_REASON_RANGE:
		return ctx_send(ctx, pkt, fib);
	case LB_DROP_TTL / LB_REASON_RANGE:
		return CTX_DROP;
	default:
		return CTX_PASS;
	}
}

/* Handles one packet: counts its one reason and returns the program's verdict. */
static __always_inline int lb_main(struct lb_ctx *ctx)
{
	enum lb_reason reason;
	struct pkt_ctx *pctx = pkt_ctx_get();

	if (!pctx)
		return CTX_PASS;
	__builtin_memset(&pctx->pkt, 0, sizeof(pctx->pkt));
	pctx->fib.fib_done = false;
	reason = lb_process(ctx, pctx);
	reason = icmp_answer(ctx, &pctx->pkt, &pctx->fib, reason);
	count_reason(reason);
	lb_debug("reason %d ifindex %d", reason, ctx_ingress(ctx));
	return lb_verdict(ctx, &pctx->pkt, &pctx->fib, reason);
}
