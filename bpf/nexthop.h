/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The next hop, from the kernel's routing and neighbour tables. */
#pragma once

#include "types.h"

static __always_inline void lb_fib_question(struct bpf_fib_lookup *fib, const struct lb_tuple *to)
{
	fib->l4_protocol = to->protocol;
	fib->sport = to->sport;
	fib->dport = to->dport;
	if (lb_address_is_v4(&to->dst)) {
		fib->family = LB_AF_INET;
		fib->ipv4_src = lb_address_to_v4(&to->src);
		fib->ipv4_dst = lb_address_to_v4(&to->dst);
	} else {
		fib->family = LB_AF_INET6;
		__builtin_memcpy(fib->ipv6_src, &to->src, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, &to->dst, sizeof(fib->ipv6_dst));
	}
}

static __always_inline struct lb_address lb_fib_gateway(const struct bpf_fib_lookup *fib)
{
	/* A route to an IPv4 address may lead through an IPv6 gateway. */
	return fib->family == LB_AF_INET ? lb_address_v4(fib->ipv4_dst) :
					   lb_address_v6((const struct in6_addr *)fib->ipv6_dst);
}

/*
 * Fills *hop for a packet of that size that leaves with the tuple `to`, or
 * returns the reason why it cannot. A hop that the kernel has yet to resolve is
 * left unresolved. Where forwarding is off on the interface the kernel tells
 * nothing: then the gateway is left out as well, for the kernel to route the
 * packet itself.
 *
 * Given a size, the kernel compares it with what the way takes: the link, or
 * less where a route has a locked MTU or a path's was learned.
 */
lb_global enum lb_reason lb_next_hop(struct lb_ctx *ctx, const struct lb_tuple *to, __u32 size,
				     struct hop *hop)
{
	struct bpf_fib_lookup fib = { .ifindex = ctx_ingress(ctx) };

	if (!to || !hop)
		return LB_DROP_NO_ROUTE;
	lb_fib_question(&fib, to);
	/* Only IPv6's longest do not fit, nor any link. */
	fib.tot_len = size > 0xffff ? 0xffff : size;
	hop->resolved = false;
	hop->routed = false;
	switch (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		hop->resolved = true;
		hop->routed = true;
		/* Before kernel 5.12 this still is the size that was asked for, which fits. */
		hop->mtu = fib.mtu_result;
		break;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		hop->routed = true;
		break;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		break;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		hop->mtu = fib.mtu_result;
		return LB_DROP_TOO_BIG;
	default:
		return LB_DROP_NO_ROUTE;
	}
	hop->gateway = lb_fib_gateway(&fib);
	hop->way.ifindex = fib.ifindex;
	__builtin_memcpy(hop->way.source, fib.smac, ETH_ALEN);
	__builtin_memcpy(hop->way.destination, fib.dmac, ETH_ALEN);
	return LB_UNDECIDED;
}
