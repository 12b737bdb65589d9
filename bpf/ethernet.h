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

#define ETHERNET_VLAN_ID 0x0fff /* of the tag's second word, in host order */

/* Returns true if the type is that of a VLAN tag (802.1Q, 802.1ad). */
static __always_inline bool ethernet_is_tag(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

static __always_inline bool ethernet_is_ip(__be16 type)
{
	return type == bpf_htons(ETH_P_IP) || type == bpf_htons(ETH_P_IPV6);
}
