/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The balancer's own ICMP errors, as a router sends them: time exceeded, packet
 * too big, no route. The packet becomes the quote of the error, which returns by
 * the interface and to the neighbour that the packet came from.
 */
#pragma once

#include "address.h"
#include "csum.h"
#include "csum_bytes.h"
#include "ctx.h"
#include "ctx_csum.h"
#include "icmp.h"
#include "icmp_limit.h"
#include "pkt.h"
#include "types.h"

#define ICMP_NET_UNREACH 0 /* codes of ICMP_DEST_UNREACH */
#define ICMP_FRAG_NEEDED 4
#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_NOROUTE 0 /* a code of it */
#define ICMPV6_PKT_TOOBIG 2
#define ICMPV6_TIME_EXCEED 3

/* The largest quote: the error fits every link. */
#define ICMP_MAX_QUOTE (576 - sizeof(struct iphdr) - ICMP_HEADER_SIZE) /* RFC 1812, 4.3.2.3 */
#define ICMPV6_MAX_QUOTE (1280 - sizeof(struct ipv6hdr) - ICMP_HEADER_SIZE) /* RFC 4443, 2.4 c */

#define ICMP_ERROR_TTL 64
#define IP4_DONT_FRAGMENT 0x4000
#define IP4_TOS_INTERNETWORK_CONTROL 0xc0 /* RFC 1812, 4.3.2.5 */

/* The ICMP header, before the quote. */
struct icmp_message {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 mtu; /* 0, or the path MTU; IPv4 has its lower 16 bits (RFC 1191, 4) */
};

/* The ICMP error about a dropped packet, and the reason that counts it. */
struct icmp_error {
	enum lb_reason sent; /* LB_CONTINUE: no error is due */
	__u8 type;
	__u8 code;
	bool has_mtu;
};

/* Returns the error for a reason. This is the only list of reasons that are answered. */
static __always_inline struct icmp_error icmp_error_for(enum lb_reason reason, bool v4)
{
	struct icmp_error error = {};

	switch (reason) {
	case LB_DROP_TTL:
		error.sent = LB_SENT_TIME_EXCEEDED;
		error.type = v4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEED;
		break;
	case LB_DROP_NO_ROUTE:
		error.sent = LB_SENT_UNREACHABLE;
		error.type = v4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH;
		error.code = v4 ? ICMP_NET_UNREACH : ICMPV6_NOROUTE;
		break;
	case LB_DROP_TOO_BIG:
		error.sent = LB_SENT_TOO_BIG;
		error.type = v4 ? ICMP_DEST_UNREACH : ICMPV6_PKT_TOOBIG;
		error.code = v4 ? ICMP_FRAG_NEEDED : 0;
		error.has_mtu = true;
		break;
	default:
		break;
	}
	return error;
}

/* Returns true for the address of one host: others neither get nor send errors (RFC 1122, 3.2.2). */
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

/* Returns true if an error may be sent about the packet. */
static __always_inline bool icmp_may_answer(const struct packet *pkt)
{
	return !pkt_is_icmp(pkt) && pkt->fragment != FRAGMENT_LATER &&
	       icmp_is_host(&pkt->tuple.src) && icmp_is_host(&pkt->tuple.dst);
}

/* Fills *fib with the neighbour that the frame came from. Returns false if that is no single host. */
static __always_inline bool icmp_route_back(struct lb_ctx *ctx, const struct packet *pkt,
					    struct fib_result *fib)
{
	struct ethhdr *eth;

	fib->nexthop.ifindex = ctx_ingress(ctx);
	fib->resolved = true;
	/* Without Ethernet header there is but one neighbour. */
	if (!pkt->l3_offset)
		return true;
	eth = ctx_header(ctx, 0, sizeof(*eth));
	if (!eth || eth->h_source[0] & 1)
		return false;
	__builtin_memcpy(fib->nexthop.source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(fib->nexthop.destination, eth->h_source, ETH_ALEN);
	return true;
}

/* Returns half of a one's complement number. */
static __always_inline __u16 csum_half(__u16 number)
{
	return number >> 1 | number << 15;
}

/*
 * Returns the sum of the quote, `length` bytes at `offset`, as it will be on the
 * wire: a device may still complete a CHECKSUM_PARTIAL in it.
 *
 * A whole quote sums up, from its L4 header on, to the complement of the value
 * that is in the field now, whether the checksum is completed or only looked
 * partial. In a cut quote the field gets the value that gives the same sum in
 * both cases.
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

/* Writes the IPv4 header of an error with `length` bytes of ICMP. Returns false if the packet is too short. */
static __always_inline bool icmp_write_ip4(struct lb_ctx *ctx, __u32 offset,
					   const struct lb_tuple *to, __u16 length)
{
	struct iphdr *ip = ctx_header(ctx, offset, sizeof(*ip));

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

/* As icmp_write_ip4, for IPv6. */
static __always_inline bool icmp_write_ip6(struct lb_ctx *ctx, __u32 offset,
					   const struct lb_tuple *to, __u16 length)
{
	struct ipv6hdr *ip = ctx_header(ctx, offset, sizeof(*ip));

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

/*
 * Turns the packet into the ICMP error about itself; `mtu` is the path MTU for
 * LB_DROP_TOO_BIG. Returns false if no error is due for the reason or the kernel
 * cannot resize the packet, which is no longer intact then.
 */
lb_global bool icmp_make_error(struct lb_ctx *ctx, const struct packet *pkt, enum lb_reason reason,
			       __u32 mtu)
{
	struct icmp_message message = {}, *written;
	struct icmp_error error;
	struct lb_tuple to;
	__u32 header, length, sum;
	bool v4;

	if (!pkt)
		return false;
	v4 = lb_address_is_v4(&pkt->tuple.dst);
	header = v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	length = v4 ? ICMP_MAX_QUOTE : ICMPV6_MAX_QUOTE;
	if (length > pkt->l3_length)
		length = pkt->l3_length;
	if (!ctx_make_quote(ctx, pkt->l3_offset + length, header + ICMP_HEADER_SIZE))
		return false;

	to = lb_tuple_reversed(&pkt->tuple);
	to.protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	error = icmp_error_for(reason, v4);
	message.type = error.type;
	message.code = error.code;
	message.mtu = error.has_mtu ? bpf_htonl(mtu) : 0;
	sum = icmp_csum_quote(ctx, pkt, pkt->l3_offset + header + ICMP_HEADER_SIZE, length);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&message, sizeof(message), sum);
	length += ICMP_HEADER_SIZE;
	if (!v4)
		sum = csum_add(sum, csum_pseudo_header(&to, length));
	message.checksum = ~csum_fold(sum);
	written = ctx_header(ctx, pkt->l3_offset + header, sizeof(*written));
	if (!written)
		return false;
	*written = message;
	if (!(v4 ? icmp_write_ip4(ctx, pkt->l3_offset, &to, length) :
		   icmp_write_ip6(ctx, pkt->l3_offset, &to, length)))
		return false;
	ctx_csum_complete_update(ctx, csum_tail(ctx, pkt->l3_offset, header + ICMP_HEADER_SIZE));
	return true;
}

/*
 * Answers a packet that is dropped for `reason` with an ICMP error, if one is
 * due. Returns the reason to count: that of the error, or `reason`, or why the
 * error was not sent. *fib becomes the next hop of the error. XDP leaves the
 * packet to tc, where a large segment is known to be one.
 */
static __always_inline enum lb_reason icmp_answer(struct lb_ctx *ctx, const struct packet *pkt,
						  struct fib_result *fib, enum lb_reason reason)
{
	enum lb_reason sent = icmp_error_for(reason, lb_address_is_v4(&pkt->tuple.dst)).sent;

	if (!sent)
		return reason;
	if (!CTX_IS_LAST)
		return LB_PASS_TO_TC;
	if (!icmp_may_answer(pkt) || !icmp_route_back(ctx, pkt, fib))
		return reason;
	if (!icmp_limit_take())
		return LB_DROP_ICMP_LIMIT;
	return icmp_make_error(ctx, pkt, reason, fib->mtu) ? sent : LB_DROP_REWRITE;
}
