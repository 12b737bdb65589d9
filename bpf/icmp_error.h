/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ICMP errors of the balancer's own. What a router would say, it says: that a
 * packet's time is up, that it is too big for the way on, or that there is no
 * way any more. The packet itself becomes the quote, and goes back to where it
 * came from.
 */
#pragma once

#include "icmp.h"
#include "icmp_limit.h"
#include "csum_bytes.h"
#include "types.h"

#define ICMP_NET_UNREACH 0 /* codes of ICMP_DEST_UNREACH */
#define ICMP_FRAG_NEEDED 4
#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_NOROUTE 0 /* a code of it */
#define ICMPV6_PKT_TOOBIG 2
#define ICMPV6_TIME_EXCEED 3

/* How much of a packet is quoted: what makes the error no larger than any link takes. */
#define ICMP_LONGEST_QUOTE (576 - sizeof(struct iphdr) - ICMP_HEADER_SIZE) /* RFC 1812, 4.3.2.3 */
#define ICMPV6_LONGEST_QUOTE \
	(1280 - sizeof(struct ipv6hdr) - ICMP_HEADER_SIZE) /* RFC 4443, 2.4 c */

#define ICMP_ERROR_TTL 64
#define IP4_DONT_FRAGMENT 0x4000
#define IP4_TOS_INTERNETWORK_CONTROL 0xc0 /* RFC 1812, 4.3.2.5 */

/* An error's own headers, as they stand before the quote. */
struct icmp_message {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 mtu; /* 0 where nothing is too big; in IPv4 16 bits of it (RFC 1191, 4) */
};

/* Is it the address of one host? What is not must neither get nor send an error (RFC 1122, 3.2.2). */
static __always_inline bool icmp_is_host(const struct lb_address *address)
{
	__u8 first;

	if (lb_address_is_v4(address)) {
		first = bpf_ntohl(lb_address_to_v4(address)) >> 24;
		return first != 0 && first != 127 && first < 224;
	}
	first = bpf_ntohl(address->word[0]) >> 24;
	return first != 0xff && (address->word[0] | address->word[1] | address->word[2]);
}

/* May this packet be answered by an error? */
static __always_inline bool icmp_may_answer(const struct packet *pkt)
{
	return !pkt_is_icmp(pkt) && pkt->fragment != FRAGMENT_LATER &&
	       icmp_is_host(&pkt->tuple.src) && icmp_is_host(&pkt->tuple.dst);
}

/* The way back: to the neighbour that the frame came from. False for a frame that was not for us alone. */
static __always_inline bool icmp_route_back(struct lb_ctx *ctx, struct fib_result *fib)
{
	struct ethhdr *eth = ctx_header(ctx, 0, sizeof(*eth));

	if (!eth || (eth->h_dest[0] | eth->h_source[0]) & 1)
		return false;
	fib->nexthop.ifindex = ctx_ingress(ctx);
	fib->resolved = true;
	__builtin_memcpy(fib->nexthop.source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(fib->nexthop.destination, eth->h_source, ETH_ALEN);
	return true;
}

/* Half of a one's complement number. */
static __always_inline __u16 csum_half(__u16 number)
{
	return number >> 1 | number << 15;
}

/*
 * The sum over the quote as it will be on the wire, where hardware may still
 * write a checksum into it. From the L4 header on it then adds up to the
 * complement of what stands in the field now, and so it does where that only
 * looked unfinished, as long as no byte is missing. Of a cut quote's checksum
 * nobody can tell anything: it gets the value that adds up the same, finished or not.
 */
lb_global __u32 icmp_csum_quote(struct lb_ctx *ctx, const struct packet *pkt, __u32 offset,
				__u32 length)
{
	__u32 headers;
	__u16 *field;
	__u16 sum;

	if (!pkt)
		return 0;
	if (!csum_looks_partial(pkt))
		return csum_bytes(ctx, offset, length);
	headers = pkt->l4_offset - pkt->l3_offset;
	offset -= pkt->l3_offset;
	field = ctx_header(ctx, offset + pkt_l4_csum_offset(pkt), sizeof(*field));
	if (field && length < pkt->l3_length) {
		*field = 0;
		sum = csum_fold(csum_bytes(ctx, offset + pkt->l4_offset, length - headers));
		field = ctx_header(ctx, offset + pkt_l4_csum_offset(pkt), sizeof(*field));
		if (!field)
			return 0;
		*field = csum_half(~sum);
	}
	sum = field ? ~*field : 0;
	return csum_add(csum_bytes(ctx, offset + pkt->l3_offset, headers), sum);
}

static __always_inline bool icmp_write_ip4(struct lb_ctx *ctx, const struct lb_tuple *to,
					   __u16 length)
{
	struct iphdr *ip = ctx_header(ctx, L3_OFFSET, sizeof(*ip));

	if (!ip)
		return false;
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = IP4_TOS_INTERNETWORK_CONTROL;
	ip->tot_len = bpf_htons(sizeof(*ip) + length);
	ip->frag_off = bpf_htons(IP4_DONT_FRAGMENT);
	ip->ttl = ICMP_ERROR_TTL;
	ip->protocol = to->protocol;
	ip->saddr = lb_address_to_v4(&to->src);
	ip->daddr = lb_address_to_v4(&to->dst);
	ip->check = ~csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
	return true;
}

static __always_inline bool icmp_write_ip6(struct lb_ctx *ctx, const struct lb_tuple *to,
					   __u16 length)
{
	struct ipv6hdr *ip = ctx_header(ctx, L3_OFFSET, sizeof(*ip));

	if (!ip)
		return false;
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(length);
	ip->nexthdr = to->protocol;
	ip->hop_limit = ICMP_ERROR_TTL;
	__builtin_memcpy(&ip->saddr, &to->src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &to->dst, sizeof(ip->daddr));
	return true;
}

static __always_inline struct icmp_message icmp_message_of(enum lb_reason reason, bool v4,
							   __u32 mtu)
{
	struct icmp_message message = {};

	switch (reason) {
	case LB_DROP_TTL:
		message.type = v4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEED;
		break;
	case LB_DROP_NO_ROUTE:
		message.type = v4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH;
		message.code = v4 ? ICMP_NET_UNREACH : ICMPV6_NOROUTE;
		break;
	default:
		message.type = v4 ? ICMP_DEST_UNREACH : ICMPV6_PKT_TOOBIG;
		message.code = v4 ? ICMP_FRAG_NEEDED : 0;
		message.mtu = bpf_htonl(mtu);
	}
	return message;
}

/* Makes the packet, which is dropped for that reason, an error about itself. */
lb_global bool icmp_make_error(struct lb_ctx *ctx, const struct packet *pkt, enum lb_reason reason,
			       __u32 mtu)
{
	struct icmp_message message, *written;
	struct lb_tuple to;
	__u32 header, length, sum;
	bool v4;

	if (!pkt)
		return false;
	v4 = lb_address_is_v4(&pkt->tuple.dst);
	header = v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	length = v4 ? ICMP_LONGEST_QUOTE : ICMPV6_LONGEST_QUOTE;
	if (length > pkt->l3_length)
		length = pkt->l3_length;
	if (!ctx_make_quote(ctx, L3_OFFSET + length, header + ICMP_HEADER_SIZE))
		return false;

	to = lb_tuple_reversed(&pkt->tuple);
	to.protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	message = icmp_message_of(reason, v4, mtu);
	sum = icmp_csum_quote(ctx, pkt, L3_OFFSET + header + ICMP_HEADER_SIZE, length);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&message, sizeof(message), sum);
	length += ICMP_HEADER_SIZE;
	if (!v4)
		sum = csum_add(sum, csum_pseudo_header(&to, length));
	message.checksum = ~csum_fold(sum);
	written = ctx_header(ctx, L3_OFFSET + header, sizeof(*written));
	if (!written)
		return false;
	*written = message;
	if (!(v4 ? icmp_write_ip4(ctx, &to, length) : icmp_write_ip6(ctx, &to, length)))
		return false;
	ctx_csum_complete_update(ctx, csum_tail(ctx, L3_OFFSET, header + ICMP_HEADER_SIZE));
	return true;
}

/* Is that something to tell the packet's sender? */
static __always_inline bool icmp_is_due(enum lb_reason reason)
{
	return reason == LB_DROP_TTL || reason == LB_DROP_TOO_BIG || reason == LB_DROP_NO_ROUTE;
}

/*
 * Answers a packet that is to be dropped, where an error is due; returns what
 * became of it. XDP leaves the rare packet to tc, which can tell one large
 * segment from one that is yet to be cut.
 */
static __always_inline enum lb_reason icmp_answer(struct lb_ctx *ctx, const struct packet *pkt,
						  struct fib_result *fib, enum lb_reason reason)
{
	if (!CTX_IS_LAST)
		return LB_PASS_TO_TC;
	if (!icmp_may_answer(pkt) || !icmp_route_back(ctx, fib))
		return reason;
	if (!icmp_limit_take())
		return LB_DROP_ICMP_LIMIT;
	if (!icmp_make_error(ctx, pkt, reason, fib->mtu))
		return LB_DROP_REWRITE;
	switch (reason) {
	case LB_DROP_TTL:
		return LB_SENT_TIME_EXCEEDED;
	case LB_DROP_NO_ROUTE:
		return LB_SENT_UNREACHABLE;
	default:
		return LB_SENT_TOO_BIG;
	}
}
