/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The sums that it takes to finish what was left to hardware (CHECKSUM_PARTIAL). */
#pragma once

#include "csum.h"
#include "types.h"

/* The longest that is summed up: a packet of the largest frames. */
#define CSUM_LONGEST 9216
#define CSUM_BLOCK 64

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
