/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What TCP segments tell of their connection. */
#pragma once

#include "types.h"

static __always_inline __u32 tcp_seen_in(const struct packet *pkt)
{
	__u32 seen = 0;

	if (pkt->tcp_flags & TCP_FLAG_SYN)
		seen |= LB_SEEN_SYN;
	else if (pkt->tcp_flags & TCP_FLAG_ACK)
		seen |= LB_SEEN_ACK;
	if (pkt->tcp_flags & TCP_FLAG_FIN)
		seen |= LB_SEEN_FIN;
	if (pkt->tcp_flags & TCP_FLAG_RST)
		seen |= LB_SEEN_RST;
	return seen;
}

/*
 * Has the client given up a connection that it never got to acknowledge? Its SYN
 * begins another one then: one that comes again has the same sequence number.
 */
static __always_inline bool tcp_is_given_up(const struct lb_flow *flow, const struct packet *pkt)
{
	return (flow->tcp_seen & (LB_SEEN_SYN | LB_SEEN_ACK)) == LB_SEEN_SYN &&
	       bpf_ntohl(pkt->tcp_seq) + 1 != flow->handshake_ack;
}

/*
 * A SYN opens a new connection on the tuple of one that is over, or that was
 * given up: a backend that did not answer the one must not get the other too.
 */
static __always_inline bool tcp_reopens(const struct lb_flow *flow, const struct packet *pkt)
{
	return pkt->tuple.protocol == IPPROTO_TCP && pkt_opens_flow(pkt) &&
	       flow->direction == LB_TO_BACKEND &&
	       (flow->tcp_seen & LB_SEEN_END || tcp_is_given_up(flow, pkt));
}

/* Is it over: a FIN each way, or a reset? */
static __always_inline bool tcp_is_over(const struct lb_flow *flow, const struct lb_flow *pair)
{
	return (flow->tcp_seen | pair->tcp_seen) & LB_SEEN_RST ||
	       flow->tcp_seen & pair->tcp_seen & LB_SEEN_FIN;
}

static __always_inline bool tcp_is_plain_ack(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TCP_FLAG_ACK | TCP_FLAG_SYN | TCP_FLAG_RST)) == TCP_FLAG_ACK;
}

/*
 * Does the client's segment end the handshake? It must acknowledge the
 * backend's SYN, which only who has seen it can: a forged one does not.
 */
static __always_inline bool tcp_completes_handshake(const struct packet *pkt,
						    const struct lb_flow *reply)
{
	return tcp_is_plain_ack(pkt) && reply->tcp_seen & LB_SEEN_SYN &&
	       bpf_ntohl(pkt->tcp_ack) == reply->handshake_ack;
}

/*
 * Has the backend acknowledged a connection whose handshake was not seen? Only
 * one that knows the connection does: any other resets it.
 */
static __always_inline bool tcp_is_resumed(const struct lb_flow *flow, const struct lb_flow *reply)
{
	const __u32 decisive = LB_SEEN_SYN | LB_SEEN_ACK | LB_SEEN_RST;

	return !(flow->tcp_seen & LB_SEEN_SYN) && (reply->tcp_seen & decisive) == LB_SEEN_ACK;
}
