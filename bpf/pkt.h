/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Predicates of a parsed packet. Nothing here has side effects. */
#pragma once

#include "address.h"
#include "types.h"

/* Returns true for ICMP in IPv4 and for ICMPv6 in IPv6. */
static __always_inline bool pkt_is_icmp(const struct packet *pkt)
{
	return pkt->tuple.protocol ==
	       (lb_address_is_v4(&pkt->tuple.dst) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* Returns true if the packet can be the first one of a flow: a SYN, or any UDP datagram. */
static __always_inline bool pkt_opens_flow(const struct packet *pkt)
{
	const __u8 decisive = TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN;

	if (pkt->fragment == FRAGMENT_LATER)
		return false;
	return pkt->tuple.protocol == IPPROTO_UDP || (pkt->tcp_flags & decisive) == TCP_FLAG_SYN;
}

#define ICMP_CHECKSUM_OFFSET 2

/* Returns the offset of the transport header's checksum, from the start of the frame. */
static __always_inline __u32 pkt_l4_csum_offset(const struct packet *pkt)
{
	switch (pkt->tuple.protocol) {
	case IPPROTO_TCP:
		return pkt->l4_offset + offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
		return pkt->l4_offset + offsetof(struct udphdr, check);
	default:
		return pkt->l4_offset + ICMP_CHECKSUM_OFFSET;
	}
}

/*
 * Returns false if there is no transport checksum to update: in a later
 * fragment, and in UDP without a checksum, where the field stays zero (RFC 768).
 */
static __always_inline bool pkt_has_l4_csum(const struct packet *pkt)
{
	if (pkt->fragment == FRAGMENT_LATER)
		return false;
	return pkt->tuple.protocol != IPPROTO_UDP || pkt->l4_checksum != 0;
}
