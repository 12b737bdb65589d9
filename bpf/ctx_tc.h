/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The tc hook. It sees packets as the stack does: large segments, and
 * checksums that the sender left for its hardware to complete. An entry says
 * by a tc_csum_state of its choice whether the kernel tells which is which.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define lb_ctx __sk_buff

#include "csum.h"
#include "csum_state.h"
#include "types.h"

/* Others on this hook have their say about what is not ours: "ok" would be the last word. */
#define CTX_PASS TC_ACT_UNSPEC
#define CTX_DROP TC_ACT_SHOT

/* Behind this program stands the kernel: its neighbour output resolves, its local stack refuses. */
#define CTX_IS_LAST true

static __always_inline __u32 ctx_length(const struct __sk_buff *skb)
{
	return skb->len;
}

/* A VLAN tag that the kernel, or the card, has taken off the frame: not for this interface itself. */
static __always_inline bool ctx_is_tagged(const struct __sk_buff *skb)
{
	return skb->vlan_present;
}

static __always_inline __u32 ctx_ingress(const struct __sk_buff *skb)
{
	return skb->ifindex;
}

/*
 * The header at `offset`, or NULL where the packet is too short. May move the
 * packet's data: pointers from earlier calls are void.
 */
static __always_inline void *ctx_header(struct __sk_buff *skb, __u32 offset, __u32 size)
{
	void *header;

	offset &= LB_OFFSET_MASK;
	header = ctx_pointer(skb, data) + offset;
	if (header + size <= ctx_pointer(skb, data_end))
		return header;
	if (bpf_skb_pull_data(skb, offset + size))
		return NULL;
	header = ctx_pointer(skb, data) + offset;
	return header + size <= ctx_pointer(skb, data_end) ? header : NULL;
}

#include "csum_bytes.h"

/* The kernel knows every packet's checksum state, so every packet can be carried. */
static __always_inline bool ctx_can_rewrite(struct __sk_buff *skb, struct packet *pkt)
{
	(void)skb;
	(void)pkt;
	return true;
}

/*
 * What a card has summed up of the packet (CHECKSUM_COMPLETE) must follow what
 * no checksum inside the packet offsets: IPv6's addresses and hop limit, and
 * what changes behind the IP header, `behind`.
 */
static __always_inline void tc_csum_complete_update(struct __sk_buff *skb,
						    const struct change *change, __u32 behind)
{
	if (!lb_address_is_v4(&change->to->dst))
		behind = csum_add(behind, csum_add(change->addresses, ~(__u32)bpf_htons(1)));
	if (behind)
		bpf_csum_update(skb, behind);
}

/* Mends the transport header's checksum by the kernel's helpers, which are right whatever its state. */
static __always_inline bool tc_csum_update_by_helpers(struct __sk_buff *skb,
						      const struct packet *pkt,
						      const struct change *change)
{
	__u64 flags = pkt->tuple.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 offset = pkt_l4_csum_offset(pkt);

	/* They have a card's sum follow what they mend. */
	tc_csum_complete_update(skb, change, pkt_has_l4_csum(pkt) ? 0 : change->body);
	if (!pkt_has_l4_csum(pkt))
		return true;
	/* A size of zero says that the change is given as a sum. */
	if (pkt->tuple.protocol != IPPROTO_ICMP &&
	    bpf_l4_csum_replace(skb, offset, 0, change->addresses, flags | BPF_F_PSEUDO_HDR))
		return false;
	/* Where ports stay as they are, their change is one's complement's other zero. */
	if (change->body == 0xffffffff)
		return true;
	return !bpf_l4_csum_replace(skb, offset, 0, change->body, flags);
}

/*
 * What mending a complete checksum changes behind the IP header: its own change
 * offsets the body's, and that of the addresses which it covers.
 */
static __always_inline __u32 tc_csum_complete_delta(const struct packet *pkt,
						    const struct change *change)
{
	if (!pkt_has_l4_csum(pkt))
		return change->body;
	return pkt->tuple.protocol == IPPROTO_ICMP ? 0 : ~change->addresses;
}

/*
 * Mends the transport header's checksum. The helpers take a fifth of a packet's
 * time: they are for what may be for hardware to finish, and nobody tells.
 */
static __always_inline bool ctx_csum_update(struct __sk_buff *skb, const struct packet *pkt,
					    const struct change *change)
{
	enum csum_state summed = tc_csum_state(skb, pkt);
	__u16 *checksum;

	if (summed == CHECKSUM_UNKNOWN)
		return tc_csum_update_by_helpers(skb, pkt, change);
	if (summed == CHECKSUM_COMPLETE || summed == CHECKSUM_NOT_PARTIAL)
		tc_csum_complete_update(skb, change, tc_csum_complete_delta(pkt, change));
	if (!pkt_has_l4_csum(pkt))
		return true;
	checksum = ctx_header(skb, pkt_l4_csum_offset(pkt), sizeof(*checksum));
	if (!checksum)
		return false;
	*checksum = summed == CHECKSUM_PARTIAL ? csum_update_partial(*checksum, change) :
						 csum_update(*checksum, pkt, change);
	return true;
}

/* An IP packet's size by the time that it leaves: a large segment is cut on its way out. */
static __always_inline __u32 ctx_leaving_size(const struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 headers = pkt->l4_offset - pkt->l3_offset + pkt->l4_header_length;

	return skb->gso_size ? headers + skb->gso_size : pkt->l3_length;
}

/*
 * Cuts the frame to `length`, which ends a large segment's being one, and makes
 * room for so many bytes before its IP packet. What hardware is to finish, it
 * still finishes. What a card has summed up is given up with a byte that is cut;
 * where none is it stays right, as zeroes add nothing.
 */
static __always_inline bool ctx_make_quote(struct __sk_buff *skb, __u32 length, __u32 room)
{
	return !bpf_skb_change_tail(skb, length, 0) &&
	       !bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, 0);
}

/* Has what a card has summed up follow bytes that were written. */
static __always_inline void ctx_csum_complete_update(struct __sk_buff *skb, __u32 change)
{
	bpf_csum_update(skb, change);
}

/* The kernel's neighbour output resolves, and what leaves by any interface is a packet as any other. */
static __always_inline bool ctx_can_send(const struct __sk_buff *skb, const struct fib_result *fib)
{
	(void)skb;
	(void)fib;
	return true;
}

/* Has the kernel resolve the next hop, and the route as well where the hop knows no gateway. */
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

/* Sends the packet on; the verdict is the program's. */
static __always_inline int ctx_send(struct __sk_buff *skb, const struct fib_result *fib)
{
	struct ethhdr *eth;

	if (!fib->resolved)
		return tc_send_unresolved(fib);
	eth = ctx_header(skb, 0, sizeof(*eth));
	if (!eth)
		return CTX_DROP;
	nexthop_write(eth, &fib->nexthop);
	return bpf_redirect(fib->nexthop.ifindex, 0);
}
