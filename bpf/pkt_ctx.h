/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The state of the packet in work. It is kept in a per-CPU map because the
 * stack (512 bytes) is too small. One element per CPU is enough: a program runs
 * to its end on its CPU before the next one starts.
 */
#pragma once

#include "maps.h"
#include "types.h"

/*
 * Returns the state of the packet that this CPU works on. It is NULL only for
 * the verifier, which cannot know that the map has an element.
 *
 * A global function that needs a map key or a map value from its caller calls
 * this in place of taking a pointer: before Linux 6.2 the verifier takes no key
 * or value from a global function's argument.
 */
static __always_inline struct pkt_ctx *pkt_ctx_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&packet_contexts, &zero);
}
