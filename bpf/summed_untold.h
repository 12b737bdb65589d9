/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* For kernels before 6.2, and those that do not describe their own types. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "summed.h"

static __always_inline enum summed tc_summed(struct __sk_buff *skb, __u32 l4_offset)
{
	(void)skb;
	(void)l4_offset;
	return SUMMED_UNTOLD;
}
