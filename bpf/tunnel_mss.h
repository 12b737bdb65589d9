/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The maximum segment size in SYNs of mode tunnel (RFC 9293, 3.7.1; RFC 4459, 3.2). */
#pragma once

#include "csum.h"
#include "ctx.h"
#include "ctx_csum.h"
#include "tunnel.h"
#include "types.h"

#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_MSS 2
#define TCP_OPTION_MSS_LENGTH 4
#define TCP_MAX_OPTIONS 8 /* before the MSS, which most stacks write first */

/* The bytes of an option that are read: kind, length and a maximum segment size. */
struct tcp_option {
	__u8 kind;
	__u8 length;
	__u8 mss[2]; /* network order, at any offset */
};

/*
 * Returns the offset of the value of a SYN's MSS option, from the start of the
 * frame, or 0 if there is none.
 */
static __always_inline __u32 tcp_find_mss(struct lb_ctx *ctx, const struct packet *pkt)
{
	__u32 offset = pkt->l4_offset + sizeof(struct tcphdr);
	__u32 end = pkt->l4_offset + pkt->l4_header_length;
	struct tcp_option *option;

	for (int i = 0; i < TCP_MAX_OPTIONS; i++) {
		if (offset + sizeof(*option) > end)
			return 0;
		option = ctx_header(ctx, offset, sizeof(*option));
		if (!option || option->kind == TCP_OPTION_END)
			return 0;
		if (option->kind == TCP_OPTION_MSS)
			return option->length == TCP_OPTION_MSS_LENGTH ?
				       offset + offsetof(struct tcp_option, mss) :
				       0;
		if (option->kind != TCP_OPTION_NOP && option->length < 2)
			return 0;
		offset += option->kind == TCP_OPTION_NOP ? 1 : option->length;
	}
	return 0;
}

/*
 * Lowers the MSS in a SYN to `most`, and updates the checksum. A SYN without the
 * option is left as it is. Returns false if the packet is too short.
 */
lb_global bool tcp_lower_mss(struct lb_ctx *ctx, const struct packet *pkt, __u32 most)
{
	struct csum_delta delta = {};
	__u16 mss, change;
	__u8 *value;
	__u32 offset;

	if (!pkt)
		return false;
	offset = tcp_find_mss(ctx, pkt);
	if (!offset)
		return true;
	value = ctx_header(ctx, offset, 2);
	if (!value)
		return false;
	mss = (__u16)value[0] << 8 | value[1];
	if (mss <= most)
		return true;
	value[0] = most >> 8;
	value[1] = most;
	change = csum_fold(csum_add(~(__u32)bpf_htons(mss), bpf_htons(most)));
	/* A sum swaps its bytes at an odd offset (RFC 1071, 2 B). */
	if ((offset - pkt->l4_offset) & 1)
		change = change << 8 | change >> 8;
	delta.to = &pkt->tuple;
	delta.payload = change;
	/* ctx_csum_update() is about a rewrite, which lowers the hop limit too; that is tunnel_encapsulate()'s. */
	if (!lb_address_is_v4(&pkt->tuple.dst))
		ctx_csum_complete_update(ctx, bpf_htons(1));
	return ctx_csum_update(ctx, pkt, &delta);
}

/*
 * Lowers the MSS in a client's SYN so that a segment of that size fits the tunnel,
 * if the MTU of its path is known. Returns false if the packet is too short.
 */
static __always_inline bool tunnel_clamp_mss(struct lb_ctx *ctx, const struct packet *pkt,
					     const struct lb_flow *flow)
{
	__u32 headers = sizeof(struct tcphdr) + tunnel_overhead(flow);

	if (!(pkt->tcp_flags & TCP_FLAG_SYN) || !flow->path_mtu)
		return true;
	headers +=
		lb_address_is_v4(&pkt->tuple.dst) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	if (flow->path_mtu <= headers)
		return true;
	return tcp_lower_mss(ctx, pkt, flow->path_mtu - headers);
}
