/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Sums over bytes of the frame. */
#pragma once

#include "csum.h"
#include "ctx.h"
#include "types.h"

/* The largest number of bytes: a jumbo frame. */
#define CSUM_MAX_LENGTH 9216
#define CSUM_BLOCK 64

/*
 * Returns the sum of `length` bytes at `offset`, fewer than CSUM_BLOCK. Bytes
 * beyond the end of the frame are left out.
 */
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

/*
 * Returns the sum of `length` bytes at `offset`, at most CSUM_MAX_LENGTH. Bytes
 * beyond the end of the frame are left out.
 */
lb_global __u32 csum_bytes(struct lb_ctx *ctx, __u32 offset, __u32 length)
{
	__u32 sum = 0;

	for (int i = 0; i < CSUM_MAX_LENGTH / CSUM_BLOCK; i++) {
		__be32 *block = ctx_header(ctx, offset, CSUM_BLOCK);

		if (length < CSUM_BLOCK || !block)
			break;
		sum = bpf_csum_diff(NULL, 0, block, CSUM_BLOCK, sum);
		offset += CSUM_BLOCK;
		length -= CSUM_BLOCK;
	}
	return csum_add(sum, csum_tail(ctx, offset, length));
}
