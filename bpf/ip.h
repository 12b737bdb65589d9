/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * IP headers: a packet's own, or those of a packet that an ICMP error quotes.
 * Nothing here writes to the packet.
 */
#pragma once

#include "address.h"
#include "ctx.h"
#include "types.h"

#define IP4_FRAGMENT_OFFSET 0x1fff /* of the field, in host order; in units of 8 bytes */
#define IP4_MORE_FRAGMENTS 0x2000
#define IP6_FRAGMENT_OFFSET 0xfff8
#define IP6_MORE_FRAGMENTS 0x0001
#define IP6_JUMBO_HEADER_SIZE 8

/* A packet with more extension headers passes unchanged. */
#define IP6_MAX_EXTENSIONS 6

/* The start of an extension header. `length` counts 8 bytes (RFC 8200, 4.2), or 4 in AH (RFC 4302). */
struct ip6_extension {
	__u8 next;
	__u8 length;
};

struct ip6_routing {
	__u8 next;
	__u8 length;
	__u8 type;
	__u8 segments_left;
};

struct ip6_fragment {
	__u8 next;
	__u8 zero;
	__be16 offset;
	__be32 id;
};

static __always_inline enum fragment ip_fragment(bool offset, bool more)
{
	if (offset)
		return FRAGMENT_LATER;
	return more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

/*
 * Returns the length of an IP packet whose length field is 0: that of the frame
 * for a segment above 64 KiB (BIG TCP), or 0 for a packet that lies.
 */
static __always_inline __u32 ip_big_length(const struct lb_ctx *ctx, const struct packet *pkt)
{
	__u32 length = ctx_gso_length(ctx);

	return length > pkt->l3_offset ? length - pkt->l3_offset : 0;
}

/*
 * Fills *pkt from the IPv4 header at pkt->l3_offset. Returns LB_CONTINUE or
 * LB_PASS_MALFORMED.
 */
static __always_inline enum lb_reason ip4_read(struct lb_ctx *ctx, struct packet *pkt)
{
	struct iphdr *ip = ctx_header(ctx, pkt->l3_offset, sizeof(*ip));
	__u32 header_length;

	if (!ip || ip->version != 4)
		return LB_PASS_MALFORMED;
	header_length = ip->ihl * 4;
	pkt->l3_length = ip->tot_len ? bpf_ntohs(ip->tot_len) : ip_big_length(ctx, pkt);
	if (header_length < sizeof(*ip) || pkt->l3_length < header_length)
		return LB_PASS_MALFORMED;
	pkt->tuple.src = lb_address_v4(ip->saddr);
	pkt->tuple.dst = lb_address_v4(ip->daddr);
	pkt->tuple.protocol = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->l4_offset = pkt->l3_offset + header_length;
	pkt->l4_length = pkt->l3_length - header_length;
	pkt->fragment = ip_fragment(ip->frag_off & bpf_htons(IP4_FRAGMENT_OFFSET),
				    ip->frag_off & bpf_htons(IP4_MORE_FRAGMENTS));
	pkt->fragment_id = ip->id;
	return LB_CONTINUE;
}

static __always_inline bool ip6_is_extension(__u8 header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING ||
	       header == IPPROTO_DSTOPTS || header == IPPROTO_FRAGMENT || header == IPPROTO_AH;
}

static __always_inline __u32 ip6_extension_size(__u8 header, const struct ip6_extension *extension)
{
	if (header == IPPROTO_FRAGMENT)
		return sizeof(struct ip6_fragment);
	return header == IPPROTO_AH ? (extension->length + 2) * 4 : (extension->length + 1) * 8;
}

/* Sets the fragment's fields from the fragment header at pkt->l4_offset. */
static __always_inline void ip6_read_fragment(const struct ip6_fragment *header, struct packet *pkt)
{
	pkt->fragment_offset = pkt->l4_offset;
	pkt->fragment = ip_fragment(header->offset & bpf_htons(IP6_FRAGMENT_OFFSET),
				    header->offset & bpf_htons(IP6_MORE_FRAGMENTS));
	pkt->fragment_id = header->id;
}

/* Returns true if a routing header names further destinations (RFC 8200, 4.4). */
static __always_inline bool ip6_has_segments_left(__u8 header,
						  const struct ip6_extension *extension)
{
	return header == IPPROTO_ROUTING &&
	       ((const struct ip6_routing *)extension)->segments_left != 0;
}

/*
 * Skips the extension header that pkt->l4_offset and pkt->tuple.protocol name,
 * and updates both. Sets the fragment's fields from a fragment header.
 *
 * Returns false if there is no extension header left, if the packet ends in it,
 * at a routing header with segments left (the packet is for another host), and at a
 * second fragment header: what is behind it is known when the first fragment is whole.
 */
lb_global bool ip6_skip_extension(struct lb_ctx *ctx, struct packet *pkt)
{
	struct ip6_extension *extension;
	__u8 header;

	if (!pkt || pkt->fragment == FRAGMENT_LATER || !ip6_is_extension(pkt->tuple.protocol))
		return false;
	extension = ctx_header(ctx, pkt->l4_offset, sizeof(struct ip6_fragment));
	if (!extension)
		return false;
	header = pkt->tuple.protocol;
	if (ip6_has_segments_left(header, extension))
		return false;
	if (header == IPPROTO_FRAGMENT && pkt->fragment_offset)
		return false;
	if (header == IPPROTO_FRAGMENT)
		ip6_read_fragment((struct ip6_fragment *)extension, pkt);
	pkt->l4_offset += ip6_extension_size(header, extension);
	pkt->tuple.protocol = extension->next;
	return true;
}

/* Skips all extension headers, at most IP6_MAX_EXTENSIONS. The result has no meaning. */
lb_global int ip6_skip_extensions(struct lb_ctx *ctx, struct packet *pkt)
{
	for (int i = 0; i < IP6_MAX_EXTENSIONS; i++) {
		if (!ip6_skip_extension(ctx, pkt))
			break;
	}
	return 0;
}

/*
 * Returns the length of an IPv6 packet whose length field is 0. The kernel's BIG
 * TCP has a hop-by-hop header for its length (RFC 2675), the first and only one,
 * which no segment on the wire has.
 */
static __always_inline __u32 ip6_read_jumbo(const struct lb_ctx *ctx, __u8 next, struct packet *pkt)
{
	__u32 length = ip_big_length(ctx, pkt);

	if (length && next == IPPROTO_HOPOPTS)
		pkt->jumbo_header_length = IP6_JUMBO_HEADER_SIZE;
	return length > sizeof(struct ipv6hdr) ? length : sizeof(struct ipv6hdr);
}

/*
 * Fills *pkt from the IPv6 header at pkt->l3_offset and its extension headers.
 * Returns LB_CONTINUE or LB_PASS_MALFORMED.
 */
static __always_inline enum lb_reason ip6_read(struct lb_ctx *ctx, struct packet *pkt)
{
	struct ipv6hdr *ip = ctx_header(ctx, pkt->l3_offset, sizeof(*ip));
	__u32 headers;

	if (!ip || ip->version != 6)
		return LB_PASS_MALFORMED;
	pkt->l3_length = ip->payload_len ? sizeof(*ip) + bpf_ntohs(ip->payload_len) :
					   ip6_read_jumbo(ctx, ip->nexthdr, pkt);
	pkt->tuple.src = lb_address_v6(&ip->saddr);
	pkt->tuple.dst = lb_address_v6(&ip->daddr);
	pkt->ttl = ip->hop_limit;
	/* IPv4-mapped addresses are invalid on the wire (RFC 4291), and stand for IPv4 here. */
	if (lb_address_is_v4(&pkt->tuple.src) || lb_address_is_v4(&pkt->tuple.dst))
		return LB_PASS_MALFORMED;

	pkt->tuple.protocol = ip->nexthdr;
	pkt->l4_offset = pkt->l3_offset + sizeof(*ip);
	if (ip6_is_extension(ip->nexthdr))
		ip6_skip_extensions(ctx, pkt);
	headers = pkt->l4_offset - pkt->l3_offset;
	if (headers > pkt->l3_length)
		return LB_PASS_MALFORMED;
	pkt->l4_length = pkt->l3_length - headers;
	return LB_CONTINUE;
}

/* Fills *pkt from the IPv4 or IPv6 header at pkt->l3_offset. Returns LB_CONTINUE or LB_PASS_MALFORMED. */
static __always_inline enum lb_reason ip_read(struct lb_ctx *ctx, bool v4, struct packet *pkt)
{
	return v4 ? ip4_read(ctx, pkt) : ip6_read(ctx, pkt);
}
