/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* For kernels before 6.2, and those whose own types (BTF) user space cannot read. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "csum.h"
#include "csum_state.h"
#include "types.h"

/*
 * What looks complete is, and what hardware is to finish then is inside: a
 * tunnelled packet's checksum. A large segment's may look like anything.
 */
static __always_inline enum csum_state tc_csum_state(struct __sk_buff *skb,
						     const struct packet *pkt)
{
	return skb->gso_size || csum_looks_partial(pkt) ? CHECKSUM_UNKNOWN : CHECKSUM_NOT_PARTIAL;
}
