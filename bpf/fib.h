/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The next hop, from the kernel's routing and neighbour tables. */
#pragma once

#include "types.h"

static __always_inline void fib_set_key(struct bpf_fib_lookup *params, const struct lb_tuple *to)
{
	params->l4_protocol = to->protocol;
	params->sport = to->sport;
	params->dport = to->dport;
	if (lb_address_is_v4(&to->dst)) {
		params->family = LB_AF_INET;
		params->ipv4_src = lb_address_to_v4(&to->src);
		params->ipv4_dst = lb_address_to_v4(&to->dst);
	} else {
		params->family = LB_AF_INET6;
		__builtin_memcpy(params->ipv6_src, &to->src, sizeof(params->ipv6_src));
		__builtin_memcpy(params->ipv6_dst, &to->dst, sizeof(params->ipv6_dst));
	}
}

static __always_inline struct lb_address fib_gateway(const struct bpf_fib_lookup *params)
{
	/* A route to an IPv4 address may lead through an IPv6 gateway. */
	return params->family == LB_AF_INET ?
		       lb_address_v4(params->ipv4_dst) :
		       lb_address_v6((const struct in6_addr *)params->ipv6_dst);
}

/*
 * Fills *fib for a packet of that size that leaves with the tuple `to`, or
 * returns the reason why it cannot. A hop that the kernel has yet to resolve is
 * left unresolved. Where forwarding is off on the interface the kernel tells
 * nothing: then the gateway is left out as well, for the kernel to route the
 * packet itself.
 *
 * Given a size, the kernel compares it with what the way takes: the link, or
 * less where a route has a locked MTU or a path's was learned.
 */
lb_global enum lb_reason fib_lookup(struct lb_ctx *ctx, const struct lb_tuple *to, __u32 size,
				    struct fib_result *fib)
{
	struct bpf_fib_lookup params = { .ifindex = ctx_ingress(ctx) };

	if (!to || !fib)
		return LB_DROP_NO_ROUTE;
	fib_set_key(&params, to);
	/* Only IPv6's longest do not fit, nor any link. */
	params.tot_len = size > 0xffff ? 0xffff : size;
	fib->resolved = false;
	fib->routed = false;
	switch (bpf_fib_lookup(ctx, &params, sizeof(params), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		fib->resolved = true;
		fib->routed = true;
		/* Before kernel 5.12 this still is the size that was asked for, which fits. */
		fib->mtu = params.mtu_result;
		break;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		fib->routed = true;
		break;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		break;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		fib->mtu = params.mtu_result;
		return LB_DROP_TOO_BIG;
	default:
		return LB_DROP_NO_ROUTE;
	}
	fib->gateway = fib_gateway(&params);
	fib->nexthop.ifindex = params.ifindex;
	__builtin_memcpy(fib->nexthop.source, params.smac, ETH_ALEN);
	__builtin_memcpy(fib->nexthop.destination, params.dmac, ETH_ALEN);
	return LB_CONTINUE;
}

/* Time in steps of about a second: 2^30 ns. */
#define NEXTHOP_CACHE_SHIFT 30

/* The way of a packet of that size, where it is known. */
static __always_inline bool nexthop_cache_get(const struct lb_flow *flow, __u64 now, __u32 size,
					      struct fib_result *fib)
{
	if (size > flow->path_mtu || (now ^ flow->seen_ns) >> NEXTHOP_CACHE_SHIFT)
		return false;
	fib->nexthop = flow->nexthop;
	fib->resolved = true;
	return true;
}

/*
 * Remembers the way that the kernel told; one that it has yet to resolve is none.
 * Who reads it meanwhile on another processor may see half of a new one: that is
 * one packet that a neighbour does not take, in the moment that a way changes.
 */
static __always_inline void nexthop_cache_put(struct lb_flow *flow, const struct fib_result *fib)
{
	flow->path_mtu = 0;
	if (!fib->resolved)
		return;
	flow->nexthop = fib->nexthop;
	flow->path_mtu = fib->mtu < 0xffff ? fib->mtu : 0xffff;
}
