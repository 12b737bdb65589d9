/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Fragments follow their first one, which alone has the ports. A later fragment
 * whose first one was not ours, or has not come yet, is passed as it came: the
 * local stack lets it time out, or it is the stack's own.
 */
#pragma once

#include "maps.h"
#include "types.h"

/*
 * How long later fragments follow their first one: as long as the kernel waits
 * for them (net.ipv4.ipfrag_time). Then the id may be another datagram's.
 */
#define FRAG_TIMEOUT_NS (30 * 1000000000ULL)

/* What makes fragments one datagram (RFC 791, 3.2; RFC 8200, 4.5). */
struct frag_key {
	struct lb_address src;
	struct lb_address dst;
	__be32 id;
	__u8 protocol; /* IPv4's only: in IPv6 the id alone tells datagrams apart */
	__u8 zero[3];
};

struct frag_ports {
	__u64 noted_ns; /* CLOCK_MONOTONIC, coarse */
	__be16 sport;
	__be16 dport;
	__u8 protocol;
	__u8 zero[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct frag_key);
	__type(value, struct frag_ports);
} fragments SEC(".maps");

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

/* Remembers the ports of a first fragment that was sent on. */
lb_global int frag_track(const struct packet *pkt)
{
	struct frag_ports ports = {};
	struct frag_key key;

	if (!pkt)
		return 0;
	key = frag_key_of(pkt);
	ports.noted_ns = bpf_ktime_get_coarse_ns();
	ports.sport = pkt->tuple.sport;
	ports.dport = pkt->tuple.dport;
	ports.protocol = pkt->tuple.protocol;
	return bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
}

/* Completes a later fragment's tuple; false where no first fragment of ours is known. */
lb_global bool frag_lookup(struct packet *pkt)
{
	struct frag_ports *ports;
	struct frag_key key;

	if (!pkt)
		return false;
	key = frag_key_of(pkt);
	ports = bpf_map_lookup_elem(&fragments, &key);
	if (!ports || bpf_ktime_get_coarse_ns() - ports->noted_ns > FRAG_TIMEOUT_NS)
		return false;
	pkt->tuple.sport = ports->sport;
	pkt->tuple.dport = ports->dport;
	pkt->tuple.protocol = ports->protocol;
	return true;
}
