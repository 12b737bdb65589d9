/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The Ethernet header. */
#pragma once

#include "types.h"

/* Writes both Ethernet addresses: struct lb_nexthop has them in a frame's order. */
static __always_inline void ethernet_write(struct ethhdr *eth, const struct lb_nexthop *nexthop)
{
	const __u32 *from = (const __u32 *)nexthop;
	__u32 *to = (__u32 *)eth;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}
