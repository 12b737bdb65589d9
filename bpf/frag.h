/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Fragments follow the first one, the only one with ports. A later fragment
 * whose first one was not forwarded, or has not arrived yet, passes to the local
 * stack.
 */
#pragma once

#include "address.h"
#include "maps.h"
#include "types.h"

/* The lifetime of an entry: the kernel's reassembly timeout (net.ipv4.ipfrag_time). Ids are reused later. */
#define FRAG_TIMEOUT_NS (30 * 1000000000ULL)

static __always_inline struct frag_key frag_key_of(const struct packet *pkt)
{
	struct frag_key key = {
		.src = pkt->tuple.src,
		.dst = pkt->tuple.dst,
		.id = pkt->fragment_id,
	};

	if (lb_address_is_v4(&pkt->tuple.dst))
		key.protocol = pkt->tuple.protocol;
	return key;
}

/* Stores the ports of a first fragment that is forwarded. The result has no meaning. */
lb_global int frag_track(const struct packet *pkt)
{
	struct frag_ports ports = {};
	struct frag_key key;

	if (!pkt)
		return 0;
	key = frag_key_of(pkt);
	ports.tracked_ns = bpf_ktime_get_coarse_ns();
	ports.sport = pkt->tuple.sport;
	ports.dport = pkt->tuple.dport;
	ports.protocol = pkt->tuple.protocol;
	return bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
}

/* Sets ports and protocol of a later fragment. Returns false if its first fragment was not forwarded. */
lb_global bool frag_lookup(struct packet *pkt)
{
	struct frag_ports *ports;
	struct frag_key key;

	if (!pkt)
		return false;
	key = frag_key_of(pkt);
	ports = bpf_map_lookup_elem(&fragments, &key);
	if (!ports || bpf_ktime_get_coarse_ns() - ports->tracked_ns > FRAG_TIMEOUT_NS)
		return false;
	pkt->tuple.sport = ports->sport;
	pkt->tuple.dport = ports->dport;
	pkt->tuple.protocol = ports->protocol;
	return true;
}
