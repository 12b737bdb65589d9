/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Translation of ICMP errors that quote a packet of a flow (RFC 792, RFC 4443,
 * RFC 5508). The error is forwarded like a reply to the quoted packet: its
 * addresses are rewritten as a reply's, and the quote is rewritten back to the
 * packet as its sender sent it.
 */
#pragma once

#include "address.h"
#include "csum.h"
#include "ctx.h"
#include "flow_table.h"
#include "ip.h"
#include "pkt.h"
#include "rewrite.h"
#include "types.h"

#define ICMP_HEADER_SIZE 8

/* <linux/icmp.h> defines these, and does not compile for eBPF. */
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMPV6_INFORMATION_MIN 128

static __always_inline bool icmp_is_error(__u8 type, bool v4)
{
	if (!v4)
		return type < ICMPV6_INFORMATION_MIN;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/*
 * Reads the packet that an ICMP error quotes, up to its ports: every quote has
 * 64 bits of payload (RFC 792). *quote is zeroed by the caller;
 * quote->l4_length becomes the quoted length, without a trailer of the frame.
 *
 * Returns false if the packet is no ICMP error, or the quote is no TCP or UDP
 * packet of the error's destination.
 */
lb_global bool icmp_read_quote(struct lb_ctx *ctx, const struct packet *pkt, struct packet *quote)
{
	__u32 end, ports_end;
	__be16 *ports;
	__u8 *type;
	bool v4;

	if (!pkt || !quote)
		return false;
	v4 = lb_address_is_v4(&pkt->tuple.dst);
	type = ctx_header(ctx, pkt->l4_offset, ICMP_HEADER_SIZE);
	if (!type || !icmp_is_error(*type, v4))
		return false;
	quote->l3_offset = pkt->l4_offset + ICMP_HEADER_SIZE;
	if (ip_read(ctx, v4, quote) || quote->fragment == FRAGMENT_LATER)
		return false;
	if (quote->tuple.protocol != IPPROTO_TCP && quote->tuple.protocol != IPPROTO_UDP)
		return false;
	end = pkt->l3_offset + pkt->l3_length;
	ports_end = quote->l4_offset + 2 * sizeof(*ports);
	ports = ctx_header(ctx, quote->l4_offset, 2 * sizeof(*ports));
	if (!ports || ports_end > end)
		return false;
	quote->l4_length = end - quote->l4_offset;
	quote->tuple.sport = ports[0];
	quote->tuple.dport = ports[1];
	/* An error is sent to the sender of the packet that it quotes. */
	return lb_address_equals(&quote->tuple.src, &pkt->tuple.dst);
}

/* Updates a checksum in the quote; returns what the new value adds to the sum over the message. */
static __always_inline __u32 icmp_update_quoted_csum(__u16 *checksum, __u32 change)
{
	__u16 old = *checksum;

	*checksum = ~csum_fold(csum_add(old ^ 0xffff, change));
	return csum_add(~(__u32)old, *checksum);
}

/* Returns true if the quote ends before the end of its transport checksum. */
static __always_inline bool icmp_quote_lacks_l4_csum(const struct packet *quote)
{
	return pkt_l4_csum_offset(quote) + sizeof(__u16) > quote->l4_offset + quote->l4_length;
}

/*
 * Updates the quoted transport checksum, if the quote has it and its sender
 * computed one. Returns what that adds to the sum over the message.
 */
static __always_inline __u32 icmp_rewrite_quoted_l4_csum(struct lb_ctx *ctx,
							 const struct packet *quote, __u32 change)
{
	__u16 *checksum = ctx_header(ctx, pkt_l4_csum_offset(quote), sizeof(*checksum));
	bool udp = quote->tuple.protocol == IPPROTO_UDP;

	if (!checksum || icmp_quote_lacks_l4_csum(quote) || (udp && !*checksum))
		return 0;
	change = icmp_update_quoted_csum(checksum, change);
	/* The sender sent a computed zero as 0xffff, which adds the same. */
	if (udp && !*checksum)
		*checksum = 0xffff;
	return change;
}

static __always_inline bool icmp_rewrite_quoted_ip(struct lb_ctx *ctx, const struct packet *quote,
						   const struct lb_tuple *to, __u32 addresses,
						   __u32 *sum)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;

	if (lb_address_is_v4(&to->dst)) {
		ip4 = ctx_header(ctx, quote->l3_offset, sizeof(*ip4));
		if (!ip4)
			return false;
		*sum = csum_add(*sum, icmp_update_quoted_csum(&ip4->check, addresses));
		ip4->saddr = lb_address_to_v4(&to->src);
		ip4->daddr = lb_address_to_v4(&to->dst);
		return true;
	}
	ip6 = ctx_header(ctx, quote->l3_offset, sizeof(*ip6));
	if (!ip6)
		return false;
	__builtin_memcpy(&ip6->saddr, &to->src, sizeof(ip6->saddr));
	__builtin_memcpy(&ip6->daddr, &to->dst, sizeof(ip6->daddr));
	return true;
}

/*
 * Gives the quoted packet the tuple `to`. *sum becomes what that adds to the sum
 * over the message. Returns false if the packet is too short.
 */
static __always_inline bool icmp_rewrite_quote(struct lb_ctx *ctx, const struct packet *quote,
					       const struct lb_tuple *to, __u32 *sum)
{
	__u32 addresses = csum_addresses_change(&quote->tuple, to);
	__u32 ports = csum_add(~csum_ports(&quote->tuple), csum_ports(to));

	*sum = csum_add(addresses, ports);
	if (!rewrite_ports(ctx, quote, to))
		return false;
	*sum = csum_add(*sum, icmp_rewrite_quoted_l4_csum(ctx, quote, *sum));
	return icmp_rewrite_quoted_ip(ctx, quote, to, addresses, sum);
}

/*
 * Translates an ICMP error: `to` is the tuple that replies to the quoted packet
 * leave with. Writes the error's addresses, its quote and all checksums. Returns
 * false if the packet is too short.
 */
lb_global bool icmp_rewrite(struct lb_ctx *ctx, const struct packet *pkt,
			    const struct packet *quote, const struct lb_tuple *to)
{
	struct csum_delta delta = { .to = to };
	struct lb_tuple quoted;

	if (!pkt || !quote || !to)
		return false;
	quoted = lb_tuple_reversed(to);
	delta.addresses = csum_addresses_change(&pkt->tuple, to);
	return icmp_rewrite_quote(ctx, quote, &quoted, &delta.payload) &&
	       rewrite_addresses(ctx, pkt, &delta);
}
