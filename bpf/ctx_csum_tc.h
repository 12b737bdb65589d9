/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The transport checksum on tc. The kernel knows what the checksum field holds;
 * LB_TC_COMPAT selects how a program finds that out (see csum_state.h).
 */
#pragma once

#include "ctx_tc.h"

#include "csum.h"
#include "pkt.h"
#include "types.h"

#ifdef LB_TC_COMPAT
#include "csum_state_compat.h"
#else
#include "csum_state_core.h"
#endif

/* The kernel knows the state: nothing has to be read from the packet. */
static __always_inline void ctx_csum_inspect(struct packet *pkt)
{
	(void)pkt;
}

static __always_inline bool ctx_can_rewrite(struct __sk_buff *skb, const struct packet *pkt)
{
	(void)skb;
	(void)pkt;
	return true;
}

/* Makes the card's sum of the packet (CHECKSUM_COMPLETE) follow bytes that were written. */
static __always_inline void ctx_csum_complete_update(struct __sk_buff *skb, __u32 change)
{
	bpf_csum_update(skb, change);
}

/*
 * Updates CHECKSUM_COMPLETE after a rewrite. `payload` is the change behind the
 * IP header. Added to it is what no checksum in the packet offsets: the
 * addresses and hop limit of IPv6.
 */
static __always_inline void tc_csum_complete_update(struct __sk_buff *skb,
						    const struct csum_delta *delta, __u32 payload)
{
	if (!lb_address_is_v4(&delta->to->dst))
		payload = csum_add(payload, csum_add(delta->addresses, ~(__u32)bpf_htons(1)));
	if (payload)
		ctx_csum_complete_update(skb, payload);
}

/*
 * Updates the transport checksum with the kernel's helpers, which are right for
 * every checksum state. Returns false if a helper fails.
 */
static __always_inline bool tc_csum_update_by_helpers(struct __sk_buff *skb,
						      const struct packet *pkt,
						      const struct csum_delta *delta)
{
	__u64 flags = pkt->tuple.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 offset = pkt_l4_csum_offset(pkt);

	/* The helpers update CHECKSUM_COMPLETE for what they write themselves. */
	tc_csum_complete_update(skb, delta, pkt_has_l4_csum(pkt) ? 0 : delta->payload);
	if (!pkt_has_l4_csum(pkt))
		return true;
	/* A size of zero: the change is given as a sum. */
	if (pkt->tuple.protocol != IPPROTO_ICMP &&
	    bpf_l4_csum_replace(skb, offset, 0, delta->addresses, flags | BPF_F_PSEUDO_HDR))
		return false;
	/* The ports did not change: the change is the other zero of one's complement. */
	if (delta->payload == 0xffffffff)
		return true;
	return !bpf_l4_csum_replace(skb, offset, 0, delta->payload, flags);
}

/*
 * Returns the change behind the IP header after the update of a complete
 * checksum, which offsets the payload's change and that of the addresses.
 */
static __always_inline __u32 tc_csum_payload_delta(const struct packet *pkt,
						   const struct csum_delta *delta)
{
	if (!pkt_has_l4_csum(pkt))
		return delta->payload;
	return pkt->tuple.protocol == IPPROTO_ICMP ? 0 : ~delta->addresses;
}

/*
 * Updates the transport checksum. Returns false if the packet is too short. The
 * helpers cost a fifth of the packet path: they are only used if the state is
 * unknown.
 */
static __always_inline bool ctx_csum_update(struct __sk_buff *skb, const struct packet *pkt,
					    const struct csum_delta *delta)
{
	enum csum_state state = tc_csum_state(skb, pkt);
	__u16 *checksum;

	if (state == CHECKSUM_UNKNOWN)
		return tc_csum_update_by_helpers(skb, pkt, delta);
	if (state == CHECKSUM_COMPLETE || state == CHECKSUM_NOT_PARTIAL)
		tc_csum_complete_update(skb, delta, tc_csum_payload_delta(pkt, delta));
	if (!pkt_has_l4_csum(pkt))
		return true;
	checksum = ctx_header(skb, pkt_l4_csum_offset(pkt), sizeof(*checksum));
	if (!checksum)
		return false;
	*checksum = state == CHECKSUM_PARTIAL ? csum_update_partial(*checksum, delta) :
						csum_update(*checksum, pkt, delta);
	return true;
}
