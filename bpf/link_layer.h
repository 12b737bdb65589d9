/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The link layers of the attached interfaces, as user space describes them. */
#pragma once

#include "maps.h"
#include "types.h"

/* Returns the link layer of an interface, or NULL if user space has not described it. */
static __always_inline const struct lb_link_layer *link_layer_lookup(__u32 ifindex)
{
	const struct lb_link_layer *link;

	for (__u32 i = 0; i < LB_MAX_LINKS; i++) {
		__u32 key = i;

		link = bpf_map_lookup_elem(&ethernet_links, &key);
		if (!link || !link->ifindex)
			return NULL;
		if (link->ifindex == ifindex)
			return link;
	}
	return NULL;
}
