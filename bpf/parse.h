/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Parsing, from the Ethernet header to the ports. Nothing here writes to the packet. */
#pragma once

#include "address.h"
#include "ctx.h"
#include "ip.h"
#include "pkt.h"
#include "types.h"

#define TCP_FLAGS_OFFSET 13

static __always_inline enum lb_reason parse_tcp(struct lb_ctx *ctx, struct packet *pkt)
{
	struct tcphdr *tcp = ctx_header(ctx, pkt->l4_offset, sizeof(*tcp));
	__u32 header_length;

	if (!tcp)
		return LB_PASS_MALFORMED;
	header_length = tcp->doff * 4;
	if (header_length < sizeof(*tcp) || header_length > pkt->l4_length)
		return LB_PASS_MALFORMED;
	pkt->tuple.sport = tcp->source;
	pkt->tuple.dport = tcp->dest;
	pkt->l4_header_length = header_length;
	pkt->tcp_seq = tcp->seq;
	pkt->tcp_ack = tcp->ack_seq;
	pkt->l4_checksum = tcp->check;
	pkt->tcp_flags = ((__u8 *)tcp)[TCP_FLAGS_OFFSET];
	return LB_CONTINUE;
}

static __always_inline enum lb_reason parse_udp(struct lb_ctx *ctx, struct packet *pkt)
{
	struct udphdr *udp = ctx_header(ctx, pkt->l4_offset, sizeof(*udp));

	/* A frame may have a trailer, which is not part of the packet. */
	if (!udp || pkt->l4_length < sizeof(*udp))
		return LB_PASS_MALFORMED;
	if (bpf_ntohs(udp->len) < sizeof(*udp))
		return LB_PASS_MALFORMED;
	/* The length is the datagram's: a fragment has only a part of it. */
	if (bpf_ntohs(udp->len) > pkt->l4_length && pkt->fragment == FRAGMENT_NONE)
		return LB_PASS_MALFORMED;
	/* Only over IPv4 may a sender leave the checksum out (RFC 8200, 8.1). */
	if (!udp->check && !lb_address_is_v4(&pkt->tuple.dst))
		return LB_PASS_MALFORMED;
	pkt->tuple.sport = udp->source;
	pkt->tuple.dport = udp->dest;
	pkt->l4_header_length = sizeof(*udp);
	pkt->l4_checksum = udp->check;
	pkt->l4_length = bpf_ntohs(udp->len);
	return LB_CONTINUE;
}

static __always_inline enum lb_reason parse_transport(struct lb_ctx *ctx, struct packet *pkt)
{
	if (pkt->tuple.protocol == IPPROTO_TCP)
		return parse_tcp(ctx, pkt);
	if (pkt->tuple.protocol == IPPROTO_UDP)
		return parse_udp(ctx, pkt);
	return pkt_is_icmp(pkt) ? LB_CONTINUE : LB_PASS_PROTOCOL;
}

/* Fills *pkt, which the caller has zeroed. Returns LB_CONTINUE, or the reason to pass the packet unchanged. */
static __always_inline enum lb_reason parse_packet(struct lb_ctx *ctx, struct packet *pkt)
{
	enum lb_reason reason;
	__be16 protocol;

	reason = ctx_read_link(ctx, &protocol);
	if (reason)
		return reason;
	pkt->l3_offset = ctx_l3_offset(ctx);
	reason = ip_read(ctx, protocol == bpf_htons(ETH_P_IP), pkt);
	if (reason)
		return reason;
	if (pkt->l3_offset + pkt->l3_length > ctx_length(ctx))
		return LB_PASS_MALFORMED;
	/* The ports of a later fragment come from its first one. */
	return pkt->fragment == FRAGMENT_LATER ? LB_CONTINUE : parse_transport(ctx, pkt);
}
