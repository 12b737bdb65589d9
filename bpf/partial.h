/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Checksums that were left for hardware to finish (CHECKSUM_PARTIAL), told by
 * the packet's bytes alone, and the sums that this takes.
 */
#pragma once

#include "checksum.h"
#include "types.h"

/* The longest that is summed up: a packet of the largest frames. */
#define CSUM_LONGEST 9216
#define CSUM_BLOCK 64

/*
 * The kernel leaves the pseudo header's sum where hardware is to write the
 * checksum. A complete checksum of the same value is rare.
 */
static __always_inline bool csum_looks_partial(const struct packet *pkt)
{
	/* Not even hardware finishes a checksum over fragments, and ICMP's is always complete. */
	if (pkt->fragment || lb_is_icmp(pkt))
		return false;
	return pkt->l4_checksum == csum_fold(csum_pseudo_header(&pkt->tuple, pkt->l4_length));
}

/* The sum of fewer than CSUM_BLOCK bytes. */
lb_global __u32 csum_tail(struct lb_ctx *ctx, __u32 offset, __u32 length)
{
	__u32 sum = 0;
	__u8 *last;

	for (int i = 0; i < CSUM_BLOCK / 2; i++) {
		__u16 *pair = ctx_header(ctx, offset, sizeof(*pair));

		if (length < sizeof(*pair) || !pair)
			break;
		sum = csum_add(sum, *pair);
		offset += sizeof(*pair);
		length -= sizeof(*pair);
	}
	last = ctx_header(ctx, offset, sizeof(*last));
	return length == 1 && last ? csum_add(sum, bpf_htons(*last << 8)) : sum;
}

/* The sum of so many bytes of the frame, at most CSUM_LONGEST. */
lb_global __u32 csum_bytes(struct lb_ctx *ctx, __u32 offset, __u32 length)
{
	__u32 sum = 0;

	for (int i = 0; i < CSUM_LONGEST / CSUM_BLOCK; i++) {
		__be32 *block = ctx_header(ctx, offset, CSUM_BLOCK);

		if (length < CSUM_BLOCK || !block)
			break;
		sum = bpf_csum_diff(NULL, 0, block, CSUM_BLOCK, sum);
		offset += CSUM_BLOCK;
		length -= CSUM_BLOCK;
	}
	return csum_add(sum, csum_tail(ctx, offset, length));
}
