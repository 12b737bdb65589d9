/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The rewrite of a packet. This is the one place that writes addresses and
 * ports; the transport checksum is the context's (ctx_csum.h).
 */
#pragma once

#include "address.h"
#include "csum.h"
#include "ctx.h"
#include "ctx_csum.h"
#include "types.h"

/* Writes addresses and TTL, and updates the header checksum. The TTL is the high byte of its word. */
static __always_inline void rewrite_ip4(struct iphdr *ip, const struct lb_tuple *to,
					__u32 addresses_change)
{
	__u32 sum = csum_add(ip->check ^ 0xffff, addresses_change);

	sum = csum_add(sum, ~(__u32)bpf_htons(0x0100));
	ip->check = ~csum_fold(sum);
	ip->ttl--;
	ip->saddr = lb_address_to_v4(&to->src);
	ip->daddr = lb_address_to_v4(&to->dst);
}

static __always_inline void rewrite_ip6(struct ipv6hdr *ip, const struct lb_tuple *to)
{
	ip->hop_limit--;
	__builtin_memcpy(&ip->saddr, &to->src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &to->dst, sizeof(ip->daddr));
}

static __always_inline bool rewrite_ip(struct lb_ctx *ctx, const struct packet *pkt,
				       const struct lb_tuple *to, __u32 addresses_change)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;

	if (lb_address_is_v4(&to->dst)) {
		ip4 = ctx_header(ctx, pkt->l3_offset, sizeof(*ip4));
		if (ip4)
			rewrite_ip4(ip4, to, addresses_change);
		return ip4;
	}
	ip6 = ctx_header(ctx, pkt->l3_offset, sizeof(*ip6));
	if (ip6)
		rewrite_ip6(ip6, to);
	return ip6;
}

static __always_inline bool rewrite_ports(struct lb_ctx *ctx, const struct packet *pkt,
					  const struct lb_tuple *to)
{
	__be16 *ports = ctx_header(ctx, pkt->l4_offset, 2 * sizeof(*ports));

	if (!ports)
		return false;
	ports[0] = to->sport;
	ports[1] = to->dport;
	return true;
}

/*
 * Writes the addresses of delta->to, a TTL or hop limit one lower, and the
 * checksums. Returns false if the packet is too short.
 */
static __always_inline bool rewrite_addresses(struct lb_ctx *ctx, const struct packet *pkt,
					      const struct csum_delta *delta)
{
	return ctx_csum_update(ctx, pkt, delta) &&
	       rewrite_ip(ctx, pkt, delta->to, delta->addresses);
}

/*
 * Gives the packet the tuple `to`, and a TTL or hop limit one lower. Returns
 * false if the packet is too short.
 */
static __always_inline bool rewrite_packet(struct lb_ctx *ctx, const struct packet *pkt,
					   const struct lb_tuple *to)
{
	struct csum_delta delta = {
		.to = to,
		.addresses = csum_addresses_change(&pkt->tuple, to),
		.payload = csum_add(~csum_ports(&pkt->tuple), csum_ports(to)),
	};

	/* A later fragment has no ports and no checksum. */
	if (pkt->fragment == FRAGMENT_LATER)
		delta.payload = 0;
	else if (!rewrite_ports(ctx, pkt, to))
		return false;
	return rewrite_addresses(ctx, pkt, &delta);
}
