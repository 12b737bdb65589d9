/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Fragments follow the first one, the only one with ports. A later fragment
 * whose first one was not forwarded, or has not arrived yet, passes to the local
 * stack. In mode nat the fragments of a datagram get an id of the balancer's own.
 */
#pragma once

#include "address.h"
#include "csum.h"
#include "ctx.h"
#include "ctx_csum.h"
#include "ip.h"
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

static __always_inline bool frag_is_fresh(const struct frag_ports *ports, __u64 now)
{
	return now - ports->tracked_ns <= FRAG_TIMEOUT_NS;
}

/*
 * Returns an id for a datagram's fragments. In mode nat several senders become
 * one: datagrams of two senders with equal ids would be mixed up. An IPv4 id has
 * 16 bits: counting uses each of them before one is used again.
 */
static __always_inline __be32 frag_new_id(bool v4)
{
	__u32 zero = 0;
	__u32 *next = bpf_map_lookup_elem(&frag_next_id, &zero);

	if (!v4 || !next)
		return bpf_get_prandom_u32();
	return bpf_htons((__u16)__sync_fetch_and_add(next, 1));
}

/*
 * Stores the ports of a first fragment that is forwarded, and sets its
 * snat_fragment_id. A first fragment that arrives twice keeps its id. The result
 * has no meaning.
 */
lb_global int frag_track(struct packet *pkt)
{
	struct frag_ports ports = {}, *known;
	struct frag_key key;

	if (!pkt)
		return 0;
	key = frag_key_of(pkt);
	ports.tracked_ns = bpf_ktime_get_coarse_ns();
	ports.sport = pkt->tuple.sport;
	ports.dport = pkt->tuple.dport;
	ports.protocol = pkt->tuple.protocol;
	known = bpf_map_lookup_elem(&fragments, &key);
	if (known && frag_is_fresh(known, ports.tracked_ns) && known->sport == ports.sport &&
	    known->dport == ports.dport)
		ports.snat_id = known->snat_id;
	else
		ports.snat_id = frag_new_id(lb_address_is_v4(&pkt->tuple.dst));
	pkt->snat_fragment_id = ports.snat_id;
	return bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
}

/*
 * Sets ports, protocol and snat_fragment_id of a later fragment. Returns false
 * if its first fragment was not forwarded.
 */
lb_global bool frag_lookup(struct packet *pkt)
{
	struct frag_ports *ports;
	struct frag_key key;

	if (!pkt)
		return false;
	key = frag_key_of(pkt);
	ports = bpf_map_lookup_elem(&fragments, &key);
	if (!ports || !frag_is_fresh(ports, bpf_ktime_get_coarse_ns()))
		return false;
	pkt->tuple.sport = ports->sport;
	pkt->tuple.dport = ports->dport;
	pkt->tuple.protocol = ports->protocol;
	pkt->snat_fragment_id = ports->snat_id;
	return true;
}

static __always_inline bool frag_rewrite_ip4(struct lb_ctx *ctx, const struct packet *pkt)
{
	struct iphdr *ip = ctx_header(ctx, pkt->l3_offset, sizeof(*ip));
	__be16 id = pkt->snat_fragment_id;

	if (!ip)
		return false;
	ip->check = ~csum_fold(csum_add(ip->check ^ 0xffff, csum_add(~(__u32)ip->id, id)));
	ip->id = id;
	return true;
}

/* No checksum in the packet covers the fragment header: the card's sum of it has to follow. */
static __always_inline bool frag_rewrite_ip6(struct lb_ctx *ctx, const struct packet *pkt)
{
	__u32 offset = pkt->fragment_offset + offsetof(struct ip6_fragment, id);
	__be32 *id = ctx_header(ctx, offset, sizeof(*id));
	__u32 change;

	if (!id)
		return false;
	change = csum_add(~*id, pkt->snat_fragment_id);
	*id = pkt->snat_fragment_id;
	ctx_csum_complete_update(ctx, change);
	return true;
}

/* Gives a fragment its snat_fragment_id. Returns false if the packet is too short. */
lb_global bool frag_rewrite_id(struct lb_ctx *ctx, const struct packet *pkt)
{
	if (!pkt)
		return false;
	return lb_address_is_v4(&pkt->tuple.dst) ? frag_rewrite_ip4(ctx, pkt) :
						   frag_rewrite_ip6(ctx, pkt);
}
