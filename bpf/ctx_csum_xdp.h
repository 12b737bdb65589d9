/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The transport checksum on XDP. There is no checksum state here, only bytes:
 * whether a checksum is complete or CHECKSUM_PARTIAL is read from its value.
 */
#pragma once

#include "ctx_xdp.h"

#include "csum.h"
#include "csum_bytes.h"
#include "pkt.h"
#include "types.h"

/* Sets pkt->csum_partial: the field holds the pseudo header's sum. */
static __always_inline void ctx_csum_inspect(struct packet *pkt)
{
	pkt->csum_partial = pkt_has_l4_csum(pkt) && csum_looks_partial(pkt);
}

/*
 * Returns false for a packet whose checksum is ambiguous: it looks partial and
 * is also correct as it is. That is one in 65536 of the partial ones. On native
 * XDP it returns false for every packet that looks partial.
 */
static __always_inline bool ctx_can_rewrite(struct xdp_md *xdp, const struct packet *pkt)
{
	__u32 sum;

	if (!pkt->csum_partial)
		return true;
	if (xdp_is_native)
		return false;
	/* Longer packets are large segments, whose checksum is never complete. */
	if (pkt->l4_length > CSUM_MAX_LENGTH)
		return true;
	sum = csum_bytes(xdp, pkt->l4_offset, pkt->l4_length);
	return csum_fold(csum_add(sum, pkt->l4_checksum)) != 0xffff;
}

/* Updates the transport checksum. Returns false if the packet is too short. */
static __always_inline bool ctx_csum_update(struct xdp_md *xdp, const struct packet *pkt,
					    const struct csum_delta *delta)
{
	__u16 *checksum;

	if (!pkt_has_l4_csum(pkt))
		return true;
	checksum = ctx_header(xdp, pkt_l4_csum_offset(pkt), sizeof(*checksum));
	if (!checksum)
		return false;
	*checksum = pkt->csum_partial ? csum_fold(csum_pseudo_header(delta->to, pkt->l4_length)) :
					csum_update(*checksum, pkt, delta);
	return true;
}

/* A card's sum of the packet is not used after XDP. */
static __always_inline void ctx_csum_complete_update(struct xdp_md *xdp, __u32 change)
{
	(void)xdp;
	(void)change;
}
