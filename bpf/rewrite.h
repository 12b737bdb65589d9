/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The rewrite of a packet; only its TCP or UDP checksum is the context's to mend. */
#pragma once

#include "csum.h"
#include "types.h"

/* The IPv4 header has a checksum of its own. The TTL is the high byte of its 16-bit word. */
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

static __always_inline bool rewrite_ip(struct lb_ctx *ctx, const struct lb_tuple *to,
				       __u32 addresses_change)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;

	if (lb_address_is_v4(&to->dst)) {
		ip4 = ctx_header(ctx, L3_OFFSET, sizeof(*ip4));
		if (ip4)
			rewrite_ip4(ip4, to, addresses_change);
		return ip4;
	}
	ip6 = ctx_header(ctx, L3_OFFSET, sizeof(*ip6));
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

/* Gives the packet new addresses and mends its checksums for them and for what else changed. */
static __always_inline bool rewrite_addresses(struct lb_ctx *ctx, const struct packet *pkt,
					      const struct change *change)
{
	return ctx_csum_update(ctx, pkt, change) && rewrite_ip(ctx, change->to, change->addresses);
}

/* Gives the packet the tuple `to`, and a TTL or hop limit one lower. */
static __always_inline bool rewrite_packet(struct lb_ctx *ctx, const struct packet *pkt,
					   const struct lb_tuple *to)
{
	struct change change = {
		.to = to,
		.addresses = csum_addresses_change(&pkt->tuple, to),
		.body = csum_add(~csum_ports(&pkt->tuple), csum_ports(to)),
	};

	/* A later fragment has neither ports nor checksum. */
	if (pkt->fragment == FRAGMENT_LATER)
		change.body = 0;
	else if (!rewrite_ports(ctx, pkt, to))
		return false;
	return rewrite_addresses(ctx, pkt, &change);
}
