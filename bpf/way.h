/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The way that a flow's packets took is good for the next ones, for a second:
 * asking the kernel's routes costs as much as all the rest of a packet's walk.
 * What asks for more than was found to fit is asked for anew, so a known way
 * never hides that a packet is too big for it.
 */
#pragma once

#include "types.h"

/* Time in steps of about a second: 2^30 ns. */
#define LB_WAY_STEP 30

/* The way of a packet of that size, where it is known. */
static __always_inline bool way_recall(const struct lb_flow *flow, __u64 now, __u32 size,
				       struct hop *hop)
{
	if (size > flow->way_mtu || (now ^ flow->seen_ns) >> LB_WAY_STEP)
		return false;
	hop->way = flow->way;
	hop->resolved = true;
	return true;
}

/*
 * Remembers the way that the kernel told; one that it has yet to resolve is none.
 * Who reads it meanwhile on another processor may see half of a new one: that is
 * one packet that a neighbour does not take, in the moment that a way changes.
 */
static __always_inline void way_note(struct lb_flow *flow, const struct hop *hop)
{
	flow->way_mtu = 0;
	if (!hop->resolved)
		return;
	flow->way = hop->way;
	flow->way_mtu = hop->mtu < 0xffff ? hop->mtu : 0xffff;
}
