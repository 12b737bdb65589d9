/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The forwarding of a packet by its flow, and of an ICMP error by the flow of the packet that it quotes. */
#pragma once

#include "counters.h"
#include "ctx.h"
#include "dsr.h"
#include "events.h"
#include "fib.h"
#include "flow_open.h"
#include "flow_table.h"
#include "flow_track.h"
#include "frag.h"
#include "icmp.h"
#include "nexthop.h"
#include "pkt.h"
#include "pkt_ctx.h"
#include "refuse.h"
#include "reverse_path.h"
#include "rewrite.h"
#include "snat.h"
#include "tunnel.h"
#include "tunnel_mss.h"
#include "types.h"

/*
 * Gives a packet of a flow the addresses and ports that it leaves with, or the
 * outer header of mode tunnel. Returns false if it is too short.
 */
static __always_inline bool forward_rewrite(struct lb_ctx *ctx, struct packet *pkt,
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
static __always_inline enum lb_reason forward_packet(struct lb_ctx *ctx, struct pkt_ctx *pctx,
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
	if (!forward_rewrite(ctx, pkt, flow))
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
lb_global enum lb_reason forward_by_entry(struct lb_ctx *ctx)
{
	struct pkt_ctx *pctx = pkt_ctx_get();
	struct lb_flow *flow;

	if (!pctx)
		return LB_REFUSE_NO_FLOW;
	flow = flow_withdraw(&pctx->pkt.tuple, &pctx->new_flow);
	if (!flow)
		return refuse_packet(&pctx->pkt, &pctx->new_flow.flow, pctx->new_flow.flow.service,
				     LB_REFUSE_NO_FLOW);
	if (!lb_tuple_equals(&flow->rewritten, &pctx->new_flow.fib_key))
		pctx->fib.fib_done = false;
	return forward_packet(ctx, pctx, flow, flow_now(), false);
}

/*
 * Gives an ICMP error the addresses and ports that it leaves with, outside and in its
 * quote, or the outer header of mode tunnel: the quoted packet was not rewritten
 * then. Returns false if it is too short.
 */
static __always_inline bool forward_rewrite_icmp(struct lb_ctx *ctx, struct pkt_ctx *pctx,
						 const struct lb_flow *flow)
{
	if (dsr_applies(flow))
		return true;
	if (tunnel_applies(flow))
		return tunnel_encapsulate(ctx, &pctx->pkt, flow);
	return icmp_rewrite(ctx, &pctx->pkt, &pctx->quote, &flow->rewritten);
}

/* Translates an ICMP error that quotes a packet of a flow. The local stack gets all other ICMP. */
static __always_inline enum lb_reason forward_icmp(struct lb_ctx *ctx, struct pkt_ctx *pctx)
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
	return forward_rewrite_icmp(ctx, pctx, flow) ? LB_SENT_ICMP_ERROR : LB_DROP_REWRITE;
}
