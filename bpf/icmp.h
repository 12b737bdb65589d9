/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ICMP errors that quote a balanced packet (RFC 792, RFC 4443). The error goes
 * the way that answers to the quoted packet go: its own addresses are
 * rewritten as theirs, and the quote becomes the packet that its sender sent.
 */
#pragma once

#include "flow_table.h"
#include "ip.h"
#include "maps.h"
#include "rewrite.h"
#include "types.h"

#define ICMP_HEADER_SIZE 8

/* <linux/icmp.h> has these, and does not compile for eBPF. */
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMPV6_FIRST_INFORMATION 128

static __always_inline bool icmp_is_error(__u8 type, bool v4)
{
	if (!v4)
		return type < ICMPV6_FIRST_INFORMATION;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/*
 * Reads the quoted packet up to its ports, which every quote has (RFC 792: 64
 * bits); false where there is none. What the error quotes ends where the error
 * does: the frame may have a trailer. quote->l4_length is what it quotes.
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
	/* An error goes to who sent what it quotes; another's is not for us to look into. */
	return lb_address_equals(&quote->tuple.src, &pkt->tuple.dst);
}

/* Writes a checksum that covers what changed by `change`, and returns what that itself adds to a sum. */
static __always_inline __u32 icmp_update_quoted_csum(__u16 *checksum, __u32 change)
{
	__u16 old = *checksum;

	*checksum = ~csum_fold(csum_add(old ^ 0xffff, change));
	return csum_add(~(__u32)old, *checksum);
}

/* Does the quote end before its transport checksum does? */
static __always_inline bool icmp_quote_lacks_l4_csum(const struct packet *quote)
{
	return pkt_l4_csum_offset(quote) + sizeof(__u16) > quote->l4_offset + quote->l4_length;
}

/* The quoted transport checksum, where the quote is long enough to have it and its sender computed one. */
static __always_inline __u32 icmp_rewrite_quoted_l4_csum(struct lb_ctx *ctx,
							 const struct packet *quote, __u32 change)
{
	__u16 *checksum = ctx_header(ctx, pkt_l4_csum_offset(quote), sizeof(*checksum));
	bool udp = quote->tuple.protocol == IPPROTO_UDP;

	if (!checksum || icmp_quote_lacks_l4_csum(quote) || (udp && !*checksum))
		return 0;
	change = icmp_update_quoted_csum(checksum, change);
	/* Its sender sent a computed zero in its other form, which adds the same. */
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

/* Makes the quote quote the tuple `to`; *sum is what that adds to the sum over the message. */
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

/* Gives the error the addresses of the flow that goes its way, which leaves as `to`. */
lb_global bool icmp_rewrite(struct lb_ctx *ctx, const struct packet *pkt,
			    const struct packet *quote, const struct lb_tuple *to)
{
	struct change change = { .to = to };
	struct lb_tuple quoted;

	if (!pkt || !quote || !to)
		return false;
	quoted = lb_tuple_reversed(to);
	change.addresses = csum_addresses_change(&pkt->tuple, to);
	return icmp_rewrite_quote(ctx, quote, &quoted, &change.body) &&
	       rewrite_addresses(ctx, pkt, &change);
}

/* The flow whose packets go the error's way, if the quoted packet is one that we sent. */
static __always_inline struct lb_flow *icmp_find_flow(const struct packet *quote)
{
	struct lb_tuple answer = lb_tuple_reversed(&quote->tuple);

	return flow_lookup(&answer);
}
