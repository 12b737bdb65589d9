/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The port filter. Most packets of a host are for no service, and the ports
 * show it: two look-ups in an array save such a packet all look-ups of flows and
 * services. Nothing here has side effects.
 */
#pragma once

#include "maps.h"
#include "types.h"

/* Returns true if the port is in that half of the filter (LB_PORT_FILTER_*). */
static __always_inline bool port_filter_has(__u32 side, __u8 protocol, __be16 port)
{
	__u16 number = bpf_ntohs(port);
	__u32 word = LB_PORT_FILTER_WORD(side, protocol == IPPROTO_UDP, number);
	__u64 *bits = bpf_map_lookup_elem(&port_filter, &word);

	return bits && *bits >> (number % 64) & 1;
}

/* Returns false if the packet is certainly of no service. */
static __always_inline bool port_filter_match(const struct lb_tuple *tuple)
{
	return port_filter_has(LB_PORT_FILTER_SERVICES, tuple->protocol, tuple->dport) ||
	       port_filter_has(LB_PORT_FILTER_BACKENDS, tuple->protocol, tuple->sport);
}
