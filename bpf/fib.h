/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The next hop: look-ups in the kernel's routing (FIB) and neighbour tables, and
 * the copy of the result that a flow keeps. A look-up costs as much as the rest
 * of the packet path: a cached next hop is valid for about a second.
 */
#pragma once

#include "address.h"
#include "ctx.h"
#include "types.h"

/* The cache's time step: 2^30 ns, about a second. */
#define NEXTHOP_CACHE_SHIFT (30 - LB_SEEN_SHIFT)

static __always_inline void fib_set_addresses(struct bpf_fib_lookup *params,
					      const struct lb_address *src,
					      const struct lb_address *dst)
{
	if (lb_address_is_v4(dst)) {
		params->family = LB_AF_INET;
		params->ipv4_src = lb_address_to_v4(src);
		params->ipv4_dst = lb_address_to_v4(dst);
	} else {
		params->family = LB_AF_INET6;
		__builtin_memcpy(params->ipv6_src, src, sizeof(params->ipv6_src));
		__builtin_memcpy(params->ipv6_dst, dst, sizeof(params->ipv6_dst));
	}
}

/* Fills the look-up's key: the packet leaves with the tuple `to`. */
static __always_inline void fib_set_key(struct bpf_fib_lookup *params, const struct lb_tuple *to)
{
	params->l4_protocol = to->protocol;
	params->sport = to->sport;
	params->dport = to->dport;
	fib_set_addresses(params, &to->src, &to->dst);
}

/* Returns the gateway of a look-up's result. A route to an IPv4 address may have an IPv6 gateway. */
static __always_inline struct lb_address fib_gateway(const struct bpf_fib_lookup *params)
{
	return params->family == LB_AF_INET ?
		       lb_address_v4(params->ipv4_dst) :
		       lb_address_v6((const struct in6_addr *)params->ipv6_dst);
}

/*
 * Looks up the next hop for an IP packet of `size` bytes that leaves with the
 * tuple `to`, and fills *fib.
 *
 * Returns LB_CONTINUE, or the reason why the packet cannot be sent. fib->mtu is
 * set for LB_DROP_TOO_BIG too. fib->resolved is false if the neighbour is not
 * resolved yet. fib->routed is false if forwarding is off on the interface: the
 * kernel gives no result then, and has to route the packet by itself.
 *
 * The kernel compares the size with the MTU of the link, or with a smaller one
 * of the route (locked, or learned by path MTU discovery).
 */
lb_global enum lb_reason fib_lookup(struct lb_ctx *ctx, const struct lb_tuple *to, __u32 size,
				    struct fib_result *fib)
{
	struct bpf_fib_lookup params = { .ifindex = ctx_ingress(ctx) };

	if (!to || !fib)
		return LB_DROP_NO_ROUTE;
	fib_set_key(&params, to);
	/* Only the longest IPv6 packets do not fit the field, and no link takes those. */
	params.tot_len = size > 0xffff ? 0xffff : size;
	fib->resolved = false;
	fib->routed = false;
	switch (bpf_fib_lookup(ctx, &params, sizeof(params), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		fib->resolved = true;
		fib->routed = true;
		/* Before Linux 5.12 this is still the size of the packet, which fits. */
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
