/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The next hop of a flow's packet, and the copy of it that the flow keeps. A FIB
 * look-up costs as much as the rest of the packet path: a cached next hop is valid
 * for about a second.
 */
#pragma once

#include "ctx.h"
#include "ctx_csum.h"
#include "dsr.h"
#include "fib.h"
#include "pkt.h"
#include "tunnel.h"
#include "types.h"

/* The cache's time step: 2^30 ns, about a second. */
#define NEXTHOP_CACHE_SHIFT (30 - LB_SEEN_SHIFT)

/*
 * Sets fib->nexthop to the flow's cached one and returns true, if it is valid
 * at `now` (the unit of lb_flow.seen) and for an IP packet of `size` bytes. A larger
 * packet needs a new look-up: the cache never hides that it is too big.
 */
static __always_inline bool nexthop_cache_get(const struct lb_flow *flow, __u32 now, __u32 size,
					      struct fib_result *fib)
{
	if (size > flow->path_mtu || (now ^ flow->seen) >> NEXTHOP_CACHE_SHIFT)
		return false;
	fib->nexthop = flow->nexthop;
	fib->resolved = true;
	return true;
}

/*
 * Caches the result of a FIB look-up in the flow; an unresolved one clears the
 * cache. There is no lock: another CPU may read a half-written next hop while
 * it changes. That costs one packet.
 */
static __always_inline void nexthop_cache_put(struct lb_flow *flow, const struct fib_result *fib)
{
	flow->path_mtu = 0;
	if (!fib->resolved)
		return;
	flow->nexthop = fib->nexthop;
	flow->path_mtu = fib->mtu < 0xffff ? fib->mtu : 0xffff;
}

/* Looks up the next hop of a flow's packet; fills *fib. */
static __always_inline enum lb_reason nexthop_lookup(struct lb_ctx *ctx, const struct packet *pkt,
						     const struct lb_flow *flow,
						     struct fib_result *fib)
{
	__u32 overhead = tunnel_overhead(flow);
	enum lb_reason reason;

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
		reason = nexthop_lookup(ctx, pkt, flow, fib);
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
