/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Access to the packet of a tc program. */
#pragma once

#include "types.h"

/*
 * Returns `size` bytes at `offset`, or NULL if the packet is too short. It may
 * move the packet's data: pointers from earlier calls become invalid.
 */
static __always_inline void *skb_header(struct __sk_buff *skb, __u32 offset, __u32 size)
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
