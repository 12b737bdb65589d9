/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Most of what a host receives is not for a service, and its ports tell: it
 * neither goes to a port of a service nor comes from one of a backend. A look at
 * two bits spares such packets all lookups of flows and services.
 */
#pragma once

#include "maps.h"
#include "types.h"

/* Is that port set on that side, for that protocol? */
static __always_inline bool port_filter_has(__u32 side, __u8 protocol, __be16 port)
{
	__u16 number = bpf_ntohs(port);
	__u32 word = LB_PORT_FILTER_WORD(side, protocol == IPPROTO_UDP, number);
	__u64 *bits = bpf_map_lookup_elem(&port_filter, &word);

	return bits && *bits >> (number % 64) & 1;
}

/* Could this be a packet of a service's? False for what certainly is none. */
static __always_inline bool port_filter_match(const struct lb_tuple *tuple)
{
	return port_filter_has(LB_PORT_FILTER_SERVICES, tuple->protocol, tuple->dport) ||
	       port_filter_has(LB_PORT_FILTER_BACKENDS, tuple->protocol, tuple->sport);
}
