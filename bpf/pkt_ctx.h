/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the datapath gathers about one packet. */
#pragma once

#include "types.h"

/*
 * The parts are cleared where each is first needed. They are kept in a map
 * because a stack is too small. There is one per CPU, because a program runs to
 * its end on its CPU before the next one begins.
 */
struct pkt_ctx {
	struct packet pkt;
	struct packet quote; /* an ICMP error's */
	struct fib_result fib;
	struct new_flow new_flow; /* one that is being opened */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pkt_ctx);
} packet_contexts SEC(".maps");

/*
 * Returns the context of the packet that this CPU is working on. It is NULL only
 * for the verifier, which cannot know that the map has an element.
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
