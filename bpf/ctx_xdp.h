/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The XDP hook. It sees bytes only, so it must tell by itself whether a
 * checksum is complete or was left for hardware to finish. Behind it, on the
 * same interface, stands the tc program on the same maps: a packet that XDP
 * cannot carry with certainty is passed to it as it came.
 */
#pragma once

#include <linux/bpf.h>

#define lb_ctx xdp_md

#include "csum.h"
#include "types.h"

#define CTX_PASS XDP_PASS
#define CTX_DROP XDP_DROP

/* Behind this program stands lb_tc. */
#define CTX_IS_LAST false

/*
 * Set for native XDP. A native frame keeps no note of a checksum that is yet
 * to be finished: sent from here, it would stay unfinished.
 */
const volatile __u32 xdp_is_native SEC(".rodata.xdp");

static __always_inline __u32 ctx_length(const struct xdp_md *xdp)
{
	return xdp->data_end - xdp->data;
}

/* A VLAN tag stands in the frame here, unless the card took it off: then nobody can tell. */
static __always_inline bool ctx_is_tagged(const struct xdp_md *xdp)
{
	(void)xdp;
	return false;
}

static __always_inline __u32 ctx_ingress(const struct xdp_md *xdp)
{
	return xdp->ingress_ifindex;
}

/* The header at `offset`, or NULL where the packet is too short. */
static __always_inline void *ctx_header(struct xdp_md *xdp, __u32 offset, __u32 size)
{
	void *header = ctx_pointer(xdp, data) + (offset & LB_OFFSET_MASK);

	return header + size <= ctx_pointer(xdp, data_end) ? header : NULL;
}

#include "csum_bytes.h"

/*
 * False for the packet whose checksum may be either: it looks partial, yet is
 * also right as it stands. One in 65536 of the partial ones is like that. On
 * native XDP, false for whatever looks partial.
 */
static __always_inline bool ctx_can_rewrite(struct xdp_md *xdp, struct packet *pkt)
{
	__u32 sum;

	pkt->unfinished = pkt_has_l4_csum(pkt) && csum_looks_partial(pkt);
	if (!pkt->unfinished)
		return true;
	if (xdp_is_native)
		return false;
	/* Longer packets are segments yet to be cut, whose checksums are never complete. */
	if (pkt->l4_length > CSUM_LONGEST)
		return true;
	sum = csum_bytes(xdp, pkt->l4_offset, pkt->l4_length);
	return csum_fold(csum_add(sum, pkt->l4_checksum)) != 0xffff;
}

static __always_inline __u16 xdp_csum_update(const struct packet *pkt, __u16 old,
					     const struct change *change)
{
	return pkt->unfinished ? csum_fold(csum_pseudo_header(change->to, pkt->l4_length)) :
				 csum_update(old, pkt, change);
}

/* Mends the transport header's checksum. */
static __always_inline bool ctx_csum_update(struct xdp_md *xdp, const struct packet *pkt,
					    const struct change *change)
{
	__u16 *checksum;

	if (!pkt_has_l4_csum(pkt))
		return true;
	checksum = ctx_header(xdp, pkt_l4_csum_offset(pkt), sizeof(*checksum));
	if (checksum)
		*checksum = xdp_csum_update(pkt, *checksum, change);
	return checksum;
}

/* An IP packet's size by the time that it leaves. */
static __always_inline __u32 ctx_leaving_size(const struct xdp_md *xdp, const struct packet *pkt)
{
	(void)xdp;
	return pkt->l3_length;
}

/* The program behind this one makes the answers. */
static __always_inline bool ctx_make_quote(struct xdp_md *xdp, __u32 length, __u32 room)
{
	(void)xdp;
	(void)length;
	(void)room;
	return false;
}

/* A card's sum is of no account here. */
static __always_inline void ctx_csum_complete_update(struct xdp_md *xdp, __u32 change)
{
	(void)xdp;
	(void)change;
}

/*
 * False where the neighbour is yet to be resolved. And on native XDP for what
 * leaves by another interface: the other driver may take no frames from here,
 * and those that it refuses are lost where nobody sees it.
 */
static __always_inline bool ctx_can_send(const struct xdp_md *xdp, const struct fib_result *fib)
{
	return fib->resolved && (!xdp_is_native || fib->nexthop.ifindex == xdp->ingress_ifindex);
}

/* Sends the packet on; the verdict is the program's. */
static __always_inline int ctx_send(struct xdp_md *xdp, const struct fib_result *fib)
{
	struct ethhdr *eth = ctx_header(xdp, 0, sizeof(*eth));

	if (!eth)
		return CTX_DROP;
	nexthop_write(eth, &fib->nexthop);
	return fib->nexthop.ifindex == xdp->ingress_ifindex ? XDP_TX :
							      bpf_redirect(fib->nexthop.ifindex, 0);
}
