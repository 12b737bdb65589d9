/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* For kernels from 6.2 on, which let a tc program look into their own struct. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "csum_state.h"
#include "types.h"

/* As much of it as is read; libbpf finds out where that is. */
struct sk_buff {
	__u8 ip_summed : 2;
	__u16 csum_start; /* of what hardware is to sum up, from the head */
	unsigned char *head;
	unsigned char *data;
} __attribute__((preserve_access_index));

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;

/*
 * What hardware is to finish may be inside: a tunnelled packet's checksum, or
 * that of a packet which an ICMP error quotes. The outer one stands complete
 * then, but in a tunnel's large segment, where each piece gets one of its own.
 */
static __always_inline enum csum_state tc_csum_state(struct __sk_buff *skb,
						     const struct packet *pkt)
{
	const struct sk_buff *kernels = bpf_cast_to_kern_ctx(skb);
	enum csum_state summed = BPF_CORE_READ_BITFIELD(kernels, ip_summed);
	__u64 start;

	if (summed != CHECKSUM_PARTIAL || skb->gso_size)
		return summed;
	start = (__u64)kernels->data - (__u64)kernels->head + pkt->l4_offset;
	return start == kernels->csum_start ? CHECKSUM_PARTIAL : CHECKSUM_NONE;
}
