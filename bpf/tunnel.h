/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Mode tunnel: direct server return at layer 3. The client's packet gets an outer
 * header to the backend, which may be behind routers: IP in IP (RFC 2003, RFC
 * 4213, RFC 2473), or GUE variant 1, IP directly in UDP (draft-ietf-intarea-gue,
 * 4).
 *
 * The outer source is the balancer's own address. Replies do not go there: the
 * backend sends them from the service's address to the client. The UDP source
 * port and the IPv6 flow label come from a hash of the flow, so that its packets
 * keep their order and a receiver's queues share the flows.
 */
#pragma once

#include "address.h"
#include "csum.h"
#include "ctx.h"
#include "ctx_csum.h"
#include "fib.h"
#include "hash.h"
#include "rewrite.h"
#include "snat.h"
#include "types.h"

#define TUNNEL_GUE_PORT 6080 /* assigned by IANA */
#define TUNNEL_TTL 64
#define TUNNEL_DONT_FRAGMENT 0x4000
#define TUNNEL_FIRST_SPORT 0xc000 /* the first dynamic port (RFC 6335, 6) */
#define TUNNEL_FLOW_LABEL 0xfffff

static __always_inline bool tunnel_is_mode(enum lb_mode mode)
{
	return mode == LB_TUNNEL_IPIP || mode == LB_TUNNEL_GUE;
}

static __always_inline bool tunnel_applies(const struct lb_flow *flow)
{
	return tunnel_is_mode(flow->mode);
}

/* Returns the size of the outer header of a flow's packets in bytes, 0 in other modes. */
static __always_inline __u32 tunnel_overhead(const struct lb_flow *flow)
{
	__u32 size = lb_address_is_v4(&flow->rewritten.dst) ? sizeof(struct iphdr) :
							      sizeof(struct ipv6hdr);

	if (!tunnel_applies(flow))
		return 0;
	return flow->mode == LB_TUNNEL_GUE ? size + sizeof(struct udphdr) : size;
}

/* Returns the UDP source port of a flow's packets: one of the dynamic ports. */
static __always_inline __be16 tunnel_source_port(const struct lb_tuple *client)
{
	return bpf_htons(TUNNEL_FIRST_SPORT | hash_tuple(client));
}

/*
 * Selects the outer source address of a new flow, whose backend is to->dst: the
 * one that the kernel selects for it, or that of the interface that it leaves by,
 * or that of the interface that it came by. Returns false if there is none.
 */
lb_global bool tunnel_select_source(struct lb_ctx *ctx, __u32 ifindex, struct lb_tuple *to)
{
	__u32 ingress = ctx_ingress(ctx);
	struct lb_link *link;

	if (!to)
		return false;
	if (settings.fib_lookup_src)
		return snat_address_by_fib(ctx, to);
	link = bpf_map_lookup_elem(&links, &ifindex) ?: bpf_map_lookup_elem(&links, &ingress);
	if (!link)
		return false;
	to->src = lb_address_is_v4(&to->dst) ? link->ip4 : link->ip6;
	return !lb_address_is_zero(&to->src);
}

/* Returns the inner packet's type of service or traffic class: the outer one (RFC 2003, 3.1; RFC 6040, 4.1). */
static __always_inline __u8 tunnel_tos(struct lb_ctx *ctx, const struct packet *pkt)
{
	__be32 *word = ctx_header(ctx, pkt->l3_offset, sizeof(*word));
	__u32 first = word ? bpf_ntohl(*word) : 0;

	return first >> (lb_address_is_v4(&pkt->tuple.dst) ? 16 : 20);
}

/* A length that does not fit is that of a large segment; the kernel writes those of its parts. */
static __always_inline __be16 tunnel_length(__u32 length)
{
	return length > 0xffff ? 0 : bpf_htons(length);
}

/* Returns the sum of a header of so many words of 32 bits. A helper would cost more than the additions. */
static __always_inline __u32 tunnel_sum(const void *header, __u32 words)
{
	const __u32 *word = header;
	__u64 sum = 0;

	for (__u32 i = 0; i < words; i++)
		sum += word[i];
	return csum_from64(sum);
}

/* Writes the outer IPv4 header. The packet is never fragmented, so its id may be 0 (RFC 6864, 4.1). */
static __always_inline bool tunnel_write_ip4(struct lb_ctx *ctx, const struct packet *pkt,
					     const struct lb_tuple *to, __u8 protocol, __u8 tos,
					     __u32 length)
{
	struct iphdr *ip = ctx_header(ctx, pkt->l3_offset, sizeof(*ip));

	if (!ip)
		return false;
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = tos;
	ip->tot_len = tunnel_length(length);
	ip->id = 0;
	ip->frag_off = bpf_htons(TUNNEL_DONT_FRAGMENT);
	ip->ttl = TUNNEL_TTL;
	ip->protocol = protocol;
	ip->check = 0;
	ip->saddr = lb_address_to_v4(&to->src);
	ip->daddr = lb_address_to_v4(&to->dst);
	ip->check = ~csum_fold(tunnel_sum(ip, sizeof(*ip) / sizeof(__u32)));
	return true;
}

/* Writes the outer IPv6 header, and makes a card's sum of the packet follow. */
static __always_inline bool tunnel_write_ip6(struct lb_ctx *ctx, const struct packet *pkt,
					     const struct lb_tuple *to, __u8 protocol, __u8 tos,
					     __u32 length)
{
	struct ipv6hdr *ip = ctx_header(ctx, pkt->l3_offset, sizeof(*ip));

	if (!ip)
		return false;
	*(__be32 *)ip =
		bpf_htonl(6U << 28 | (__u32)tos << 20 | (bpf_ntohs(to->sport) & TUNNEL_FLOW_LABEL));
	ip->payload_len = tunnel_length(length - sizeof(*ip));
	ip->nexthdr = protocol;
	ip->hop_limit = TUNNEL_TTL;
	__builtin_memcpy(&ip->saddr, &to->src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &to->dst, sizeof(ip->daddr));
	ctx_csum_complete_update(ctx, tunnel_sum(ip, sizeof(*ip) / sizeof(__u32)));
	return true;
}

/*
 * Writes the outer UDP header. Its checksum is zero: the inner packet has its own
 * (RFC 768; RFC 6935, 5 for IPv6).
 */
static __always_inline bool tunnel_write_udp(struct lb_ctx *ctx, __u32 offset, __be16 sport,
					     __u32 length)
{
	struct udphdr *udp = ctx_header(ctx, offset, sizeof(*udp));

	if (!udp)
		return false;
	udp->source = sport;
	udp->dest = bpf_htons(TUNNEL_GUE_PORT);
	udp->len = tunnel_length(length);
	udp->check = 0;
	ctx_csum_complete_update(ctx, tunnel_sum(udp, sizeof(*udp) / sizeof(__u32)));
	return true;
}

/* Writes the type of the outer packet into the Ethernet header, if there is one. */
static __always_inline bool tunnel_write_type(struct lb_ctx *ctx, const struct packet *pkt, bool v4)
{
	struct ethhdr *eth;

	if (!pkt->l3_offset)
		return true;
	eth = ctx_header(ctx, 0, sizeof(*eth));
	if (eth)
		eth->h_proto = v4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return eth;
}

/* Lowers the inner TTL or hop limit, as a router does that begins a tunnel (RFC 2003, 3.1; RFC 2473, 3.1). */
static __always_inline bool tunnel_lower_ttl(struct lb_ctx *ctx, const struct packet *pkt)
{
	if (!rewrite_ip(ctx, pkt, &pkt->tuple, 0))
		return false;
	if (!lb_address_is_v4(&pkt->tuple.dst))
		ctx_csum_complete_update(ctx, ~(__u32)bpf_htons(1));
	return true;
}

/*
 * Puts the outer header of the flow before the packet, whose offsets do not count
 * from the start of the frame any more. Returns false if there is no room; the
 * packet is not intact then.
 */
lb_global bool tunnel_encapsulate(struct lb_ctx *ctx, const struct packet *pkt,
				  const struct lb_flow *flow)
{
	const struct lb_tuple *to;
	__u8 tos, protocol;
	bool v4, udp;
	__u32 room;

	if (!pkt || !flow)
		return false;
	to = &flow->rewritten;
	v4 = lb_address_is_v4(&to->dst);
	udp = flow->mode == LB_TUNNEL_GUE;
	room = tunnel_overhead(flow);
	tos = tunnel_tos(ctx, pkt);
	if (!tunnel_lower_ttl(ctx, pkt) || !ctx_make_outer(ctx, room, v4, udp) ||
	    !tunnel_write_type(ctx, pkt, v4))
		return false;
	protocol = lb_address_is_v4(&pkt->tuple.dst) ? IPPROTO_IPIP : IPPROTO_IPV6;
	if (udp) {
		protocol = IPPROTO_UDP;
		if (!tunnel_write_udp(ctx, pkt->l3_offset + room - sizeof(struct udphdr), to->sport,
				      pkt->l3_length + sizeof(struct udphdr)))
			return false;
	}
	return v4 ? tunnel_write_ip4(ctx, pkt, to, protocol, tos, pkt->l3_length + room) :
		    tunnel_write_ip6(ctx, pkt, to, protocol, tos, pkt->l3_length + room);
}
