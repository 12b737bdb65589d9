/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The checksum state from the kernel's sk_buff: Linux 6.2 and later. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "csum_state.h"
#include "types.h"

/* The members that are read; libbpf relocates them (CO-RE). */
struct sk_buff {
	__u8 ip_summed : 2;
	__u16 csum_start; /* where the device starts to sum, from `head` */
	unsigned char *head;
	unsigned char *data;
} __attribute__((preserve_access_index));

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;

/*
 * Returns the state of the outer transport checksum. CHECKSUM_PARTIAL may be
 * about an inner one: a tunnelled packet, or one that an ICMP error quotes. The
 * outer checksum is complete then, except in a large segment of a tunnel, where
 * each segment gets its own.
 */
static __always_inline enum csum_state tc_csum_state(struct __sk_buff *skb,
						     const struct packet *pkt)
{
	const struct sk_buff *kernel_skb = bpf_cast_to_kern_ctx(skb);
	enum csum_state state = BPF_CORE_READ_BITFIELD(kernel_skb, ip_summed);
	__u64 start;

	if (state != CHECKSUM_PARTIAL || skb->gso_size)
		return state;
	start = (__u64)kernel_skb->data - (__u64)kernel_skb->head + pkt->l4_offset;
	return start == kernel_skb->csum_start ? CHECKSUM_PARTIAL : CHECKSUM_NONE;
}
