/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The tc hook. It sees packets as the stack does: large segments, VLAN tags removed. */
#pragma once

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define lb_ctx __sk_buff

#include "address.h"
#include "ethernet.h"
#include "link_layer.h"
#include "skb.h"
#include "types.h"

/* Other programs on this hook decide about what is not ours: TC_ACT_OK would skip them. */
#define CTX_PASS TC_ACT_UNSPEC
#define CTX_DROP TC_ACT_SHOT

/* PACKET_HOST of <linux/if_packet.h>: the frame is for the interface's own address. */
#define TC_PACKET_HOST 0

/* The kernel comes next: its neighbour output resolves, its local stack refuses. */
#define CTX_IS_LAST true

static __always_inline __u32 ctx_length(const struct __sk_buff *skb)
{
	return skb->len;
}

/*
 * Reads the link layer; sets *protocol to the type of the payload. Returns
 * LB_CONTINUE for an IP packet to this interface.
 *
 * The card or the kernel has removed the outer VLAN tag. A packet of VLAN 0 is as
 * an untagged one (802.1Q, 9.6), any other is for a VLAN interface.
 */
static __always_inline enum lb_reason ctx_read_link(const struct __sk_buff *skb, __be16 *protocol)
{
	*protocol = skb->protocol;
	if (!ethernet_is_ip(*protocol))
		return LB_PASS_NOT_IP;
	if (skb->vlan_present && skb->vlan_tci & ETHERNET_VLAN_ID)
		return LB_PASS_NOT_IP;
	return skb->pkt_type == TC_PACKET_HOST ? LB_CONTINUE : LB_PASS_OTHER_HOST;
}

static __always_inline __u32 ctx_ingress(const struct __sk_buff *skb)
{
	return skb->ifindex;
}

/* Returns the offset of the IP header: 0 for a packet without an Ethernet header. */
static __always_inline __u32 ctx_l3_offset(const struct __sk_buff *skb)
{
	const struct lb_link_layer *link = link_layer_lookup(skb->ifindex);

	return link && link->is_bare ? 0 : ETH_HLEN;
}

static __always_inline void *ctx_header(struct __sk_buff *skb, __u32 offset, __u32 size)
{
	return skb_header(skb, offset, size);
}

/* Returns the length of the frame if it is a large segment (GSO), or 0: only such a packet may be BIG TCP. */
static __always_inline __u32 ctx_gso_length(const struct __sk_buff *skb)
{
	return skb->gso_size ? skb->len : 0;
}

/* The size of each segment if the packet is a large segment (GSO). */
static __always_inline __u32 ctx_leaving_size(const struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 headers =
		pkt->l4_offset - pkt->l3_offset + pkt->l4_header_length - pkt->jumbo_header_length;

	return skb->gso_size ? headers + skb->gso_size : pkt->l3_length;
}

/*
 * Cuts the frame to `length` and inserts `room` bytes before the IP header.
 * Returns false if the kernel cannot.
 *
 * The kernel keeps the checksum state right: cutting ends a large segment,
 * CHECKSUM_PARTIAL stays, CHECKSUM_COMPLETE is dropped with the first byte that
 * is cut. If no byte is cut it stays valid, as zeroes add nothing.
 */
static __always_inline bool ctx_make_quote(struct __sk_buff *skb, __u32 length, __u32 room)
{
	return !bpf_skb_change_tail(skb, length, 0) &&
	       !bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, 0);
}

static __always_inline bool ctx_can_tunnel(const struct packet *pkt)
{
	(void)pkt;
	return true;
}

/*
 * Inserts `room` bytes before the IP header, for an outer IPv4 or
 * IPv6 header, with a UDP header behind it or not. The size of a large segment's
 * parts stays: the kernel puts the outer header before each of them. Returns
 * false if the kernel cannot.
 */
static __always_inline bool ctx_make_outer(struct __sk_buff *skb, __u32 room, bool v4, bool udp)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	flags |= v4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	if (udp)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	return !bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, flags);
}

/* The kernel's neighbour output resolves, and any interface can send the packet. */
static __always_inline bool ctx_can_send(const struct __sk_buff *skb, const struct fib_result *fib)
{
	(void)skb;
	(void)fib;
	return true;
}

/* Redirects through the kernel's neighbour output, and its routing if there is no gateway. */
static __always_inline int tc_send_unresolved(const struct fib_result *fib)
{
	struct bpf_redir_neigh neighbour = {};

	if (!fib->routed)
		return bpf_redirect_neigh(fib->nexthop.ifindex, NULL, 0, 0);
	if (lb_address_is_v4(&fib->gateway)) {
		neighbour.nh_family = LB_AF_INET;
		neighbour.ipv4_nh = lb_address_to_v4(&fib->gateway);
	} else {
		neighbour.nh_family = LB_AF_INET6;
		__builtin_memcpy(neighbour.ipv6_nh, &fib->gateway, sizeof(neighbour.ipv6_nh));
	}
	return bpf_redirect_neigh(fib->nexthop.ifindex, &neighbour, sizeof(neighbour), 0);
}

/* Sends the packet; returns the program's verdict. */
static __always_inline int ctx_send(struct __sk_buff *skb, const struct packet *pkt,
				    const struct fib_result *fib)
{
	struct ethhdr *eth;

	/* The kernel takes the header off again if the packet leaves by such an interface. */
	if (!pkt->l3_offset && bpf_skb_change_head(skb, ETH_HLEN, 0))
		return CTX_DROP;

	/* A router does not forward the priority of VLAN 0. */
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return CTX_DROP;
	if (!fib->resolved)
		return tc_send_unresolved(fib);
	eth = ctx_header(skb, 0, sizeof(*eth));
	if (!eth)
		return CTX_DROP;
	ethernet_write(eth, &fib->nexthop);
	/* The header is new and has no type yet. */
	if (!pkt->l3_offset)
		eth->h_proto = skb->protocol;
	return bpf_redirect(fib->nexthop.ifindex, 0);
}
