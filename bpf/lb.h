/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The packet path. This file decides, the context applies. It knows no hook:
 * ctx.h and ctx_csum.h name what differs between them.
 *
 * 1. Parse the packet; resolve later fragments; ICMP errors branch off.
 * 2. Pass what the port filter or the address filter does not match.
 * 3. Look up the flow.
 * 4. If there is none: open.h selects a backend and its next hop, and reserves a
 *    SNAT port.
 * 5. forward.h resolves the next hop, inserts a new flow, rewrites or encapsulates,
 *    and counts.
 * 6. Send, pass or drop, by the packet's reason.
 *
 * Every function returns LB_CONTINUE or the packet's reason.
 */
#pragma once

#include "address_filter.h"
#include "counters.h"
#include "ctx.h"
#include "events.h"
#include "flow_end.h"
#include "flow_find.h"
#include "forward.h"
#include "frag.h"
#include "icmp_error.h"
#include "open.h"
#include "parse.h"
#include "pkt.h"
#include "pkt_ctx.h"
#include "port_filter.h"
#include "snat.h"
#include "types.h"

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
		return pkt->fragment ? LB_PASS_FRAGMENT : forward_icmp(ctx, pctx);
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
		return open_forward(ctx, pctx, flow);
	return forward_packet(ctx, pctx, flow, now, false);
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
