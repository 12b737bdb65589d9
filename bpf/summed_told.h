/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* For kernels from 6.2 on, which let a tc program look into their own struct. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "summed.h"

/* As much of it as is read; libbpf finds out where that is. */
struct sk_buff {
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;

static __always_inline enum summed tc_summed(struct __sk_buff *skb)
{
	const struct sk_buff *kernels = bpf_cast_to_kern_ctx(skb);

	return BPF_CORE_READ_BITFIELD(kernels, ip_summed);
}
