/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The XDP hook, native or generic. lb_tc is attached behind it on the same
 * interface, with the same maps: a packet that XDP cannot carry with certainty
 * passes to it unchanged.
 */
#pragma once

#ifndef LB_HOOK_XDP
#define LB_HOOK_XDP
#endif

#include <linux/bpf.h>

#define lb_ctx xdp_md

#include "ethernet.h"
#include "link_layer.h"
#include "types.h"

#define CTX_PASS XDP_PASS
#define CTX_DROP XDP_DROP

/* lb_tc comes next. */
#define CTX_IS_LAST false

/*
 * Set before the load for native XDP. A native frame has no checksum state: a
 * CHECKSUM_PARTIAL packet sent from here would keep its incomplete checksum.
 */
const volatile __u32 xdp_is_native SEC(".rodata.xdp");

static __always_inline __u32 ctx_length(const struct xdp_md *xdp)
{
	return xdp->data_end - xdp->data;
}

static __always_inline __u32 ctx_ingress(const struct xdp_md *xdp)
{
	return xdp->ingress_ifindex;
}

/* Returns `size` bytes at `offset`, or NULL if the packet is too short. */
static __always_inline void *ctx_header(struct xdp_md *xdp, __u32 offset, __u32 size)
{
	void *header = ctx_pointer(xdp, data) + (offset & LB_OFFSET_MASK);

	return header + size <= ctx_pointer(xdp, data_end) ? header : NULL;
}

static __always_inline bool xdp_is_for(const struct ethhdr *eth, const struct lb_link_layer *link)
{
	const __u16 *to = (const __u16 *)eth->h_dest, *own = (const __u16 *)link->address;

	return to[0] == own[0] && to[1] == own[1] && to[2] == own[2];
}

/* Returns the reason to pass a frame with a VLAN tag. That of VLAN 0 is for this interface: tc takes such tags off. */
static __always_inline enum lb_reason xdp_pass_tagged(struct xdp_md *xdp)
{
	__be16 *tag = ctx_header(xdp, ETH_HLEN, sizeof(*tag));

	return tag && !(*tag & bpf_htons(ETHERNET_VLAN_ID)) ? LB_PASS_TO_TC : LB_PASS_NOT_IP;
}

/* XDP is attached to Ethernet interfaces only. */
static __always_inline __u32 ctx_l3_offset(const struct xdp_md *xdp)
{
	(void)xdp;
	return ETH_HLEN;
}

/*
 * Reads the link layer; sets *protocol to the type of the payload. Returns
 * LB_CONTINUE for an IP packet to this interface. If a tag may have been removed
 * unseen, lb_tc decides: the kernel tells it.
 */
static __always_inline enum lb_reason ctx_read_link(struct xdp_md *xdp, __be16 *protocol)
{
	struct ethhdr *eth = ctx_header(xdp, 0, sizeof(*eth));
	const struct lb_link_layer *link;

	if (!eth)
		return LB_PASS_NOT_IP;
	*protocol = eth->h_proto;
	if (ethernet_is_tag(*protocol))
		return xdp_pass_tagged(xdp);
	if (!ethernet_is_ip(*protocol))
		return LB_PASS_NOT_IP;
	link = link_layer_lookup(xdp->ingress_ifindex);
	if (!link || link->hides_tags || link->is_bare)
		return LB_PASS_TO_TC;
	return xdp_is_for(eth, link) ? LB_CONTINUE : LB_PASS_OTHER_HOST;
}

/* Which packets are large segments is not known here: tc takes BIG TCP. */
static __always_inline __u32 ctx_gso_length(const struct xdp_md *xdp)
{
	(void)xdp;
	return 0;
}

static __always_inline __u32 ctx_leaving_size(const struct xdp_md *xdp, const struct packet *pkt)
{
	(void)xdp;
	return pkt->l3_length;
}

/* lb_tc makes the ICMP errors. */
static __always_inline bool ctx_make_quote(struct xdp_md *xdp, __u32 length, __u32 room)
{
	(void)xdp;
	(void)length;
	(void)room;
	return false;
}

/*
 * Returns false for a packet whose checksum is left to hardware. It may be a large
 * segment, and only tc can tell the kernel that each of its parts gets an outer
 * header.
 */
static __always_inline bool ctx_can_tunnel(const struct packet *pkt)
{
	return !pkt->csum_partial;
}

/* Inserts `room` bytes before the frame; the Ethernet header has to be written anew. Returns false if the driver has no room. */
static __always_inline bool ctx_make_outer(struct xdp_md *xdp, __u32 room, bool v4, bool udp)
{
	(void)v4;
	(void)udp;
	return !bpf_xdp_adjust_head(xdp, -(int)room);
}

/*
 * Returns false if the neighbour is not resolved. On native XDP also if the
 * packet leaves by another interface: the other driver may refuse redirected
 * frames, and drops them without a trace.
 */
static __always_inline bool ctx_can_send(const struct xdp_md *xdp, const struct fib_result *fib)
{
	return fib->resolved && (!xdp_is_native || fib->nexthop.ifindex == xdp->ingress_ifindex);
}

/* Sends the packet; returns the program's verdict. */
static __always_inline int ctx_send(struct xdp_md *xdp, const struct packet *pkt,
				    const struct fib_result *fib)
{
	struct ethhdr *eth = ctx_header(xdp, 0, sizeof(*eth));

	(void)pkt;

	if (!eth)
		return CTX_DROP;
	ethernet_write(eth, &fib->nexthop);
	return fib->nexthop.ifindex == xdp->ingress_ifindex ? XDP_TX :
							      bpf_redirect(fib->nexthop.ifindex, 0);
}
