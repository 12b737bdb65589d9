/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Look-ups in the kernel's routing (FIB) and neighbour tables. */
#pragma once

#include "address.h"
#include "ctx.h"
#include "types.h"

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
