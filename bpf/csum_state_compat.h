/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The checksum state from the packet: before Linux 6.2, or if user space cannot read the kernel's BTF. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "csum.h"
#include "csum_state.h"
#include "types.h"

/*
 * A value other than the pseudo header's sum is a complete checksum. A large
 * segment's field may hold any value.
 */
static __always_inline enum csum_state tc_csum_state(struct __sk_buff *skb,
						     const struct packet *pkt)
{
	return skb->gso_size || csum_looks_partial(pkt) ? CHECKSUM_UNKNOWN : CHECKSUM_NOT_PARTIAL;
}
