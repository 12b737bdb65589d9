/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The address that NAT sends from. Where a backend is reached by the interface
 * that the client asked on, it is the address that he asked. Where it is by
 * another, it is one that the backend's network knows the balancer by, so that
 * two networks can be joined that do not know of each other.
 */
#pragma once

#include "maps.h"
#include "nexthop.h"
#include "types.h"

/* Older headers have neither, and are no less fit to compile what runs on a newer kernel. */
#define LB_FIB_LOOKUP_SKIP_NEIGH (1U << 2) /* Linux 6.3 */
#define LB_FIB_LOOKUP_SRC (1U << 4) /* Linux 6.7 */

/* Has the kernel's routing choose the source of what goes to `to->dst`. */
static __always_inline bool source_of_route(struct lb_ctx *ctx, struct lb_tuple *to)
{
	const __u32 flags = LB_FIB_LOOKUP_SKIP_NEIGH | LB_FIB_LOOKUP_SRC;
	struct bpf_fib_lookup fib = { .ifindex = ctx_ingress(ctx) };

	lb_fib_question(&fib, to);
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), flags))
		return false;
	/* The family that is told is the gateway's. */
	if (!lb_address_is_v4(&to->dst)) {
		to->src = lb_address_v6((const struct in6_addr *)fib.ipv6_src);
		return true;
	}
	to->src = lb_address_v4(fib.ipv4_src);
	return fib.ipv4_src;
}

/*
 * Sets the source of a new flow, now the address that the client asked, for
 * leaving by the interface of that index. False where the datapath does not
 * stand there, so that no answer would find it, or has no address to send from.
 */
lb_global bool lb_choose_source(struct lb_ctx *ctx, __u32 ifindex, struct lb_tuple *to)
{
	struct lb_link *link;

	if (!to)
		return false;
	if (ifindex == ctx_ingress(ctx))
		return true;
	link = bpf_map_lookup_elem(&links, &ifindex);
	if (!link)
		return false;
	if (settings.routes_tell_source)
		return source_of_route(ctx, to);
	to->src = lb_address_is_v4(&to->dst) ? link->ip4 : link->ip6;
	return !lb_address_is_zero(&to->src);
}
