/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The reverse path check: a reply comes by the interface that leads to its
 * backend. Without it, a host on one network could forge the replies of backends
 * on another. A reply entry is bound to the interface that its flow left by when
 * it was opened. A reply by another one asks the kernel: the binding follows the
 * route.
 */
#pragma once

#include "ctx.h"
#include "fib.h"
#include "types.h"

/* Returns the bits of lb_flow.tcp_seen that bind a flow to an interface. */
static __always_inline __u32 reverse_path_bits(__u32 ifindex)
{
	return ifindex << LB_REPLY_LINK_SHIFT;
}

/* Binds a flow. Another CPU may see it unbound in between, and asks the kernel. */
static __always_inline void reverse_path_bind(struct lb_flow *flow, __u32 ifindex)
{
	__sync_fetch_and_and(&flow->tcp_seen, ~(~0U << LB_REPLY_LINK_SHIFT));
	__sync_fetch_and_or(&flow->tcp_seen, reverse_path_bits(ifindex));
}

/*
 * Asks the kernel whether the interface that the packet came by leads to the
 * backend, and binds the flow to it if so. `key` is the key of the reply entry.
 */
static __noinline bool reverse_path_follows(struct lb_ctx *ctx, struct lb_flow *reply,
					    const struct lb_tuple *key)
{
	/* Without a length, the kernel would compare that of the packet with the MTU. */
	struct bpf_fib_lookup params = { .tot_len = 1 };
	__u32 by = ctx_ingress(ctx);
	long result;

	/* Clang would choose between two pointers, and the verifier takes none into the context. */
	barrier_var(by);
	params.ifindex = reply->path_mtu ? reply->nexthop.ifindex : by;
	params.l4_protocol = key->protocol;
	params.sport = key->dport;
	params.dport = key->sport;
	fib_set_addresses(&params, &key->dst, &key->src);
	result = bpf_fib_lookup(ctx, &params, sizeof(params), 0);
	if ((result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH) ||
	    params.ifindex != by)
		return false;
	reverse_path_bind(reply, by);
	return true;
}

/* Returns true if a packet of the flow may come by this interface. `key` is the key of the flow's entry. */
static __always_inline bool reverse_path_holds(struct lb_ctx *ctx, struct lb_flow *flow,
					       const struct lb_tuple *key)
{
	if (flow->direction != LB_TO_CLIENT)
		return true;
	if (!((flow->tcp_seen ^ reverse_path_bits(ctx_ingress(ctx))) >> LB_REPLY_LINK_SHIFT))
		return true;
	return reverse_path_follows(ctx, flow, key);
}
